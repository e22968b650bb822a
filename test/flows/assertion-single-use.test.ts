import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { STORES, type Store } from './stores.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const API = 'https://wiki.example.com';
const PARTNER = 'https://partner.example.com';
const ATTEMPTS = 40;

for (const [name, openStore] of Object.entries(STORES)) {
  describe(`single use of another issuer’s assertion, with ${name}`, function () {
    this.timeout(60_000);
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-assertions-'));
    let store: Store;
    let latchkey: LatchkeyProcess;
    let agent: Application;
    let assertion: () => Promise<string>;

    before(async () => {
      store = await openStore();
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
      const file = path.join(folder, 'issuers.json');
      const keys = [await exportJWK(publicKey)];
      const trusted = { issuer: PARTNER, jwks: { keys }, profile: 'jwt-bearer' };
      writeFileSync(
        file,
        JSON.stringify({ issuers: [{ ...trusted, clients: ['agent'], audiences: [API] }] }),
      );
      latchkey = await LatchkeyProcess.start({
        ...store.environment,
        LATCHKEY_FEATURES_ASSERTION_ISSUERS_FILE: file,
        LATCHKEY_WORKERS: '2',
      });
      const { sub } = await latchkey.createPerson(ADA.login, ADA.password);
      await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
      agent = await Application.register(latchkey, {
        client_id: 'agent',
        grant_types: [GRANT],
        response_types: [],
        redirect_uris: [],
      });
      assertion = () =>
        new SignJWT({ iss: PARTNER, aud: latchkey.issuer, sub, jti: randomUUID() })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuedAt()
          .setExpirationTime('2m')
          .sign(privateKey);
    });
    after(async () => {
      await latchkey?.stop();
      await store?.remove();
      rmSync(folder, { recursive: true });
    });

    const redeem = async (given: string): Promise<string> => {
      const { status, body } = await agent.token({ grant_type: GRANT, assertion: given, resource: API });
      return status === 200 ? 'token' : String(body.error);
    };

    it('many redemptions at once over two processes: one token; and none after a restart', async () => {
      const given = await assertion();
      const outcomes = await Promise.all(Array.from({ length: ATTEMPTS }, () => redeem(given)));
      expect(outcomes.filter((outcome) => outcome === 'token')).to.have.length(1);
      expect(outcomes.filter((outcome) => outcome === 'invalid_grant')).to.have.length(ATTEMPTS - 1);
      await latchkey.terminate();
      await latchkey.launch();
      expect(await redeem(given)).to.equal('invalid_grant');
      expect(await redeem(await assertion())).to.equal('token');
    });
  });
}
