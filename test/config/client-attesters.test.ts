import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readClientAttesters } from '../../config/client-attesters.ts';
import type { ConfigurationError } from '../../config/configuration-error.ts';
import { loadConfiguration } from '../../config/load.ts';

const GOOD = {
  issuer: 'https://attester.example',
  jwks_uri: 'https://attester.example/jwks',
  clients: ['wallet'],
};

describe('the file of trusted attesters', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-attesters-'));
    file = path.join(folder, 'attesters.json');
  });
  after(() => rmSync(folder, { recursive: true }));

  function read(text: string) {
    writeFileSync(file, text);
    return readClientAttesters(file);
  }
  const readAll = (...attesters: object[]) => read(JSON.stringify({ attesters }));

  it('is read, with a day as the longest life', () => {
    expect(readAll(GOOD)).to.deep.equal([{ ...GOOD, longest_life: 86_400 }]);
  });

  const refused: Record<string, [() => unknown, RegExp]> = {
    'no JSON': [() => read('{'), /is not JSON$/],
    'no attester': [() => readAll(), /attesters/],
    'an attester without clients': [() => readAll({ ...GOOD, clients: [] }), /attesters\.0\.clients/],
    'plain http': [
      () => readAll({ ...GOOD, jwks_uri: 'http://attester.example/jwks' }),
      /jwks_uri must be an https URL/,
    ],
    'no keys': [
      () => readAll({ issuer: GOOD.issuer, clients: ['wallet'] }),
      /needs one of jwks and jwks_uri/,
    ],
    'an attester twice': [() => readAll(GOOD, GOOD), /names an issuer twice/],
    'an unknown member': [() => readAll({ ...GOOD, audience: 'x' }), /audience/],
  };
  for (const [what, [attempt, line]] of Object.entries(refused)) {
    it(`is refused with a line: ${what}`, () => expect(attempt()).to.be.a('string').and.match(line));
  }

  it('stops the start where DPoP nonces are off, or when it is not there', () => {
    const problems = (environment: Record<string, string>): readonly string[] => {
      try {
        loadConfiguration({ environment, directory: folder });
        return [];
      } catch (error) {
        return (error as ConfigurationError).problems;
      }
    };
    readAll(GOOD);
    const environment = { LATCHKEY_FEATURES_CLIENT_ATTESTERS_FILE: file };
    expect(problems(environment)).to.deep.equal([]);
    expect(problems({ ...environment, LATCHKEY_FEATURES_DPOP_NONCES: 'off' })[0]).to.contain(
      'features.dpop_nonces is off',
    );
    expect(problems({ LATCHKEY_FEATURES_CLIENT_ATTESTERS_FILE: 'not-there.json' })[0]).to.match(
      /client_attesters_file .*cannot read .*ENOENT/,
    );
  });
});
