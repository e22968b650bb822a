import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { loadConfiguration } from '../../config/load.ts';
import { printedSettings } from '../../config/printed-settings.ts';
import { secretFiles } from '../../config/secret-files.ts';

const SECRET = 'never to be seen';
const WORKS = {
  issuer: 'https://works.example',
  client_id: 'latchkey',
  client_secret: SECRET,
  name: 'Works',
};

describe('the settings of other providers', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'latchkey-providers-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const given = (providers: unknown) => ({
    directory,
    environment: { LATCHKEY_UPSTREAM_PROVIDERS: JSON.stringify(providers) },
  });

  function problemsOf(providers: unknown): string {
    try {
      loadConfiguration(given(providers));
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems.join('\n');
      throw error;
    }
    return '';
  }

  it('are none by default', () => {
    expect(loadConfiguration({ directory, environment: {} }).upstream.providers).to.deep.equal({});
  });

  it('come as JSON in a variable, from a file that one names, or from YAML', () => {
    const file = path.join(directory, 'providers.json');
    writeFileSync(file, JSON.stringify({ works: WORKS }));
    const yaml = path.join(directory, 'latchkey.yaml');
    writeFileSync(yaml, `upstream:\n  providers:\n    works: ${JSON.stringify(WORKS)}\n`);
    for (const environment of [
      given({ works: WORKS }).environment,
      { LATCHKEY_UPSTREAM_PROVIDERS_FILE: file },
      { LATCHKEY_CONFIG: yaml },
    ]) {
      const { works } = loadConfiguration({ directory, environment }).upstream.providers;
      expect(works).to.deep.include({ ...WORKS, provisioning: 'off', trust_email_verified: false });
    }
    expect(secretFiles({ directory, environment: { LATCHKEY_UPSTREAM_PROVIDERS_FILE: file } })).to.include(
      file,
    );
  });

  it('are printed without secrets', () => {
    const printed = printedSettings(given({ works: WORKS })).find(({ key }) => key === 'upstream.providers');
    expect(JSON.stringify(printed)).to.include('https://works.example').and.not.to.include(SECRET);
  });

  it('may name files with secrets, which must be there', () => {
    const file = path.join(directory, 'secret');
    const { client_secret: _secret, ...rest } = WORKS;
    const providers = { works: { ...rest, client_secret_file: file } };
    expect(problemsOf(providers)).to.include(`cannot read ${file} (ENOENT)`);
    writeFileSync(file, '\n');
    expect(problemsOf(providers)).to.include(`${file} is empty`);
    writeFileSync(file, `${SECRET}\n`);
    expect(problemsOf(providers)).to.equal('');
    expect(secretFiles(given(providers))).to.include(file);
  });

  for (const [what, providers, words] of [
    ['a name that is no word', { Works: WORKS }, 'lower-case letters'],
    [
      'an issuer in the clear',
      { works: { ...WORKS, issuer: 'http://works.example' } },
      'must be an https URL',
    ],
    [
      'an issuer with a query',
      { works: { ...WORKS, issuer: 'https://works.example?a' } },
      'must be an https URL',
    ],
    ['a key that nobody knows', { works: { ...WORKS, scope: 'openid' } }, 'works has no key scope'],
    ['what lacks a key', { works: { ...WORKS, name: undefined } }, 'works.name is missing'],
    ['scopes without openid', { works: { ...WORKS, scopes: ['email'] } }, 'openid'],
    ['two secrets', { works: { ...WORKS, client_secret_file: 'x' } }, 'client_authentication'],
    ['a secret beside a key', { works: { ...WORKS, private_key_file: 'x' } }, 'client_authentication'],
    ['a parameter of our own', { works: { ...WORKS, parameters: { state: 'x' } } }, 'sets itself'],
    ['a claim with a rule of its own', { works: { ...WORKS, claims: { email: 'mail' } } }, 'must not have'],
    ['no mapping at all', 'works', 'must be a mapping of keys, in a variable as JSON'],
  ] as const) {
    it(`refuse ${what}, and tell no secret`, () => {
      const problems = problemsOf(providers);
      expect(problems).to.include('upstream.providers (LATCHKEY_UPSTREAM_PROVIDERS)').and.to.include(words);
      expect(problems).not.to.include(SECRET);
    });
  }
});
