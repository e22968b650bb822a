import { expect } from 'chai';
import { loadConfiguration } from '../../../config/load.ts';
import { createExternalSigner, type ExternalSigner } from '../../../lib/keys/external/external-signer.ts';
import { createLog } from '../../../lib/observability/log.ts';
import { SoftToken } from './soft-token.ts';

const DATA = Buffer.from('what is signed');

const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error: Error) => error.message,
  );

describe('a PKCS#11 token', function () {
  this.timeout(60_000);
  let token: SoftToken;
  before(() => {
    token = SoftToken.make(['RS256:01', 'ES256:02']);
    process.env.SOFTHSM2_CONF = token.environment([]).SOFTHSM2_CONF;
  });
  after(() => {
    delete process.env.SOFTHSM2_CONF;
    token?.remove();
  });
  afterEach(() => {
    token.trouble = 'none';
  });

  function signerOf({ pin = SoftToken.PIN, timeout = 30_000 } = {}): ExternalSigner {
    const { SOFTHSM2_CONF: _module, ...environment } = token.environment(['RS256:01', 'ES256:02'], pin);
    const { external } = loadConfiguration({ environment, directory: token.folder }).keys;
    return createExternalSigner({ ...external, timeout }, createLog('silent')) as ExternalSigner;
  }

  it('signs with every algorithm of its keys, many at once', async () => {
    const signer = signerOf();
    const names = { '01': ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'], '02': ['ES256'] };
    for (const [name, algorithms] of Object.entries(names)) {
      const publicKey = await signer.publicKey(name);
      // Each is verified before it is handed out.
      await Promise.all(
        [...algorithms, ...algorithms].map((algorithm) => signer.sign({ name, algorithm, publicKey }, DATA)),
      );
    }
  });

  it('that hangs is given up in time', async () => {
    const signer = signerOf({ timeout: 1500 });
    token.trouble = 'hang';
    expect(await reasonOf(signer.publicKey('01'))).to.contain('no answer within 1500 ms');
  });

  it('is shown a wrong PIN once, and not asked again', async () => {
    const signer = signerOf({ pin: 'not-the-pin' });
    const publicKey = await signer.publicKey('02');
    const logins = () => token.commandLines.split('--login').length;
    const before = logins();
    const key = { name: '02', algorithm: 'ES256', publicKey };
    expect(await reasonOf(signer.sign(key, DATA))).to.contain('refuses the PIN');
    // Several tries only as long as something else is refused.
    const shown = logins();
    expect(shown).to.be.greaterThan(before);
    for (let tries = 0; tries < 3; tries += 1) {
      expect(await reasonOf(signer.sign(key, DATA))).to.contain('refuses the PIN');
    }
    expect(logins()).to.equal(shown);
    await signerOf().sign(key, DATA);
  });
});
