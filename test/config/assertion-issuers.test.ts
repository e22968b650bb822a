import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readAssertionIssuers } from '../../config/assertion-issuers.ts';

describe('the file of trusted issuers', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'latchkey-issuers-'));
  after(() => rmSync(directory, { recursive: true }));
  const file = path.join(directory, 'issuers.json');
  const read = (text: string) => {
    writeFileSync(file, text);
    return readAssertionIssuers(file);
  };
  const issuer = {
    issuer: 'https://idp.example.com',
    jwks_uri: 'https://idp.example.com/jwks',
    profile: 'id-jag',
    clients: ['agent'],
    audiences: ['https://api.example.com'],
  };

  it('is read with its defaults', () => {
    expect(read(JSON.stringify({ issuers: [issuer] }))).to.deep.equal([
      { ...issuer, subject: { claim: 'sub', is: 'sub' }, longest_life: 300 },
    ]);
  });

  for (const [what, text, words] of [
    ['no JSON', '{', 'is not JSON'],
    ['no issuer', '{"issuers":[]}', 'issuers'],
    [
      'an unknown member',
      JSON.stringify({ issuers: [{ ...issuer, audience: 'x' }] }),
      'issuers.0 Unrecognized key',
    ],
    ['an issuer twice', JSON.stringify({ issuers: [issuer, issuer] }), 'names an issuer twice'],
    [
      'plain http',
      JSON.stringify({ issuers: [{ ...issuer, jwks_uri: 'http://idp.example.com/jwks' }] }),
      'must be an https URL',
    ],
    [
      'no keys',
      JSON.stringify({ issuers: [{ ...issuer, jwks_uri: undefined }] }),
      'needs one of jwks and jwks_uri',
    ],
    [
      'keys twice',
      JSON.stringify({ issuers: [{ ...issuer, jwks: { keys: [{ kty: 'EC' }] } }] }),
      'needs one of',
    ],
    [
      'a secret for a key',
      JSON.stringify({ issuers: [{ ...issuer, jwks_uri: undefined, jwks: { keys: [{ kty: 'oct' }] } }] }),
      'Invalid option',
    ],
  ] as const) {
    it(`is refused in one line with ${what}`, () => {
      const refusal = read(text);
      expect(refusal).to.be.a('string').and.include(words);
      expect(String(refusal).split('\n')).to.have.length(1);
    });
  }

  it('is refused when it is not there', () => {
    expect(readAssertionIssuers(path.join(directory, 'none.json'))).to.include('ENOENT');
  });
});
