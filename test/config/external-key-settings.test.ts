import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { externalKeyNames } from '../../config/external-key-settings.ts';
import { loadConfiguration } from '../../config/load.ts';
import { printedSettings } from '../../config/printed-settings.ts';

const MODULE = fileURLToPath(import.meta.url);
const TOKEN = { PKCS11_MODULE: MODULE, PKCS11_TOKEN: 'latchkey', PKCS11_PIN: 'canary5ecret' };

const environmentOf = (given: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name.startsWith('LATCHKEY_') ? name : `LATCHKEY_KEYS_EXTERNAL_${name}`,
      value,
    ]),
  );

function problems(given: Record<string, string>): readonly string[] {
  try {
    loadConfiguration({ environment: environmentOf(given), directory: import.meta.dirname });
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('the configuration of external keys', () => {
  it('names a key for an algorithm, whose name may have colons', () => {
    const arn = 'arn:aws:kms:eu-1:1:key/a';
    const environment = environmentOf({ KEYS: `RS256:${arn}, ES256:02`, PROGRAM: 'sign --fast' });
    const { external } = loadConfiguration({ environment, directory: import.meta.dirname }).keys;
    expect([...externalKeyNames(external)]).to.deep.equal([
      ['RS256', arn],
      ['ES256', '02'],
    ]);
    expect(external.program).to.deep.equal(['sign', '--fast']);
    expect(problems({ ...TOKEN, KEYS: 'RS256:01,ES256:a2' })).to.deep.equal([]);
  });

  it('is printed without the PIN', () => {
    const environment = environmentOf({ ...TOKEN, KEYS: 'RS256:01' });
    const printed = JSON.stringify(printedSettings({ environment, directory: import.meta.dirname }));
    expect(printed).to.contain('keys.external.pkcs11.pin').and.to.not.contain('canary5ecret');
  });

  const refused: Record<string, [given: Record<string, string>, line: RegExp]> = {
    'an algorithm that there is not': [{ KEYS: 'XS256:01', PROGRAM: 'sign' }, /such as RS256:01/],
    'an algorithm without keys': [{ KEYS: 'PS256:01', PROGRAM: 'sign' }, /PS256 is not in keys\.algorithms/],
    'no name': [{ KEYS: 'RS256', PROGRAM: 'sign' }, /such as RS256:01/],
    'two keys for one algorithm': [
      { KEYS: 'RS256:1,RS256:2', PROGRAM: 'sign' },
      /two keys for one algorithm/,
    ],
    'one key for two algorithms': [
      { KEYS: 'RS256:1,ES256:1', PROGRAM: 'sign' },
      /one key for two algorithms/,
    ],
    'nobody who signs': [{ KEYS: 'RS256:1' }, /nobody signs with them/],
    'two who sign': [{ ...TOKEN, KEYS: 'RS256:01', PROGRAM: 'sign' }, /keep one/],
    'a token without a PIN': [
      { PKCS11_MODULE: MODULE, PKCS11_TOKEN: 'latchkey', KEYS: 'RS256:01' },
      /pkcs11\.pin \(LATCHKEY_KEYS_EXTERNAL_PKCS11_PIN\): is missing/,
    ],
    'a PIN without a token': [{ PKCS11_PIN: 'canary5ecret' }, /pkcs11\.pin .*: is set, but/],
    'a module that is not there': [
      { ...TOKEN, PKCS11_MODULE: '/not/there.so' },
      /cannot read \/not\/there\.so \(ENOENT\)/,
    ],
    'a name that is no CKA_ID': [{ ...TOKEN, KEYS: 'RS256:my-key' }, /CKA_ID of its key in hexadecimal/],
    'an algorithm that a token does not sign with': [
      { ...TOKEN, KEYS: 'EdDSA:01', LATCHKEY_KEYS_ALGORITHMS: 'RS256,EdDSA' },
      /EdDSA is none that keys\.external\.pkcs11 can sign with/,
    ],
    'variables for nobody': [{ ENVIRONMENT: 'AWS_REGION' }, /nobody to give it to/],
  };
  for (const [what, [given, line]] of Object.entries(refused)) {
    it(`refuses ${what} with one line`, () => {
      const found = problems(given);
      expect(found).to.have.length(1);
      expect(found[0]).to.match(line).and.to.not.contain('canary5ecret');
    });
  }
});
