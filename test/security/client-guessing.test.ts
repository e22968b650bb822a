import { expect } from 'chai';
import { type CryptoKey, generateKeyPair, SignJWT } from 'jose';
import { type Answer, answerOf } from '../flows/application.ts';
import { type RegisteredApplication, registerApplication } from '../flows/authentication-methods.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';

const LIMIT = 4;

const stores: [name: string, start: () => Promise<RedisServer | undefined>][] = [
  ['in the data directory', async () => undefined],
  ['in Redis', () => RedisServer.start({ appendOnly: true })],
];

for (const [where, startRedis] of stores) {
  describe(`guessing the credentials of applications, counted ${where}`, function () {
    this.timeout(60_000);
    let latchkey: LatchkeyProcess;
    let redis: RedisServer | undefined;
    let basic: RegisteredApplication;
    let posted: RegisteredApplication;
    let mac: RegisteredApplication;
    let signer: RegisteredApplication;

    before(async () => {
      redis = await startRedis();
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_TRUSTED_PROXIES: 'loopback',
        LATCHKEY_THROTTLING_TOKEN_PER_CLIENT: String(LIMIT),
        ...(redis === undefined ? {} : { LATCHKEY_REDIS_URL: redis.url }),
      });
      basic = await registerApplication(latchkey, 'client_secret_basic');
      posted = await registerApplication(latchkey, 'client_secret_post');
      mac = await registerApplication(latchkey, 'client_secret_jwt');
      signer = await registerApplication(latchkey, 'private_key_jwt');
    });
    after(async () => {
      await latchkey?.stop();
      await redis?.remove();
    });

    let serial = 0;
    /** An address that no other test has. */
    function freshAddress(): string {
      serial += 1;
      return `203.0.113.${serial}`;
    }

    async function call(
      path: string,
      address: string,
      form: Record<string, string>,
      headers: Record<string, string> = {},
    ): Promise<Answer> {
      return answerOf(
        await fetch(`${latchkey.issuer}${path}`, {
          method: 'POST',
          headers: { 'x-forwarded-for': address, accept: 'application/json', ...headers },
          body: new URLSearchParams(form),
        }),
      );
    }
    const byBasic = (id: string, secret: string) => ({
      authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
    });
    async function assertion(id: string, alg: string, key: CryptoKey | Uint8Array): Promise<string> {
      return new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg })
        .setIssuer(id)
        .setSubject(id)
        .setAudience(latchkey.issuer)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(key);
    }
    const withAssertion = (jwt: string) => ({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: jwt,
    });
    const grant = { grant_type: 'client_credentials' };

    function expectThrottled(answer: Answer): void {
      expect(answer.status).to.equal(429);
      expect(Number(answer.headers.get('retry-after'))).to.be.within(1, 900);
      expect(answer.headers.get('cache-control')).to.include('no-store');
      expect(answer.body).to.include({ error: 'temporarily_unavailable' });
      expect(answer.body.error_description).to.match(/^too many failed attempts .* \d+ seconds$/);
    }

    for (const path of ['/token', '/introspection', '/token/revocation', '/request']) {
      it(`by secrets at ${path}: the right one is not judged either, and elsewhere it still works`, async () => {
        const address = freshAddress();
        const attempt = (secret: string, from = address) =>
          call(path, from, { ...grant, token: 'x' }, byBasic(basic.clientId, secret));
        for (let index = 0; index < LIMIT; index += 1) {
          const answer = await attempt(`wrong-${path}-${index}`);
          expect([answer.status, answer.body.error]).to.deep.equal([401, 'invalid_client']);
        }
        expectThrottled(await attempt('one more'));
        expectThrottled(await attempt(basic.clientSecret));
        expectThrottled(await call('/token', address, grant, byBasic(basic.clientId, basic.clientSecret)));
        const elsewhere = await call(
          '/token',
          freshAddress(),
          grant,
          byBasic(basic.clientId, basic.clientSecret),
        );
        expect(elsewhere.status).to.equal(200);
        const { clientId, clientSecret } = posted;
        const another = { ...grant, client_id: clientId, client_secret: clientSecret };
        expect((await call('/token', address, another)).status).to.equal(200);
      });
    }

    it('by secrets in the body, and by MACs', async () => {
      const address = freshAddress();
      for (let index = 0; index <= LIMIT; index += 1) {
        const guess = { ...grant, client_id: posted.clientId, client_secret: `wrong-${index}` };
        const answer = await call('/token', address, guess);
        if (index < LIMIT) expect(answer.status).to.equal(401);
        else expectThrottled(answer);
      }
      for (let index = 0; index <= LIMIT; index += 1) {
        const key = new TextEncoder().encode(`a wrong secret of sufficient length, number ${index}`);
        const answer = await call(
          '/token',
          address,
          withAssertion(await assertion(mac.clientId, 'HS256', key)),
        );
        if (index < LIMIT) expect(answer.status).to.equal(401);
        else expectThrottled(answer);
      }
      const right = await assertion(mac.clientId, 'HS256', new TextEncoder().encode(mac.clientSecret));
      expectThrottled(await call('/token', address, withAssertion(right)));
    });

    it('is not what an application does that has a retired key, or a former secret in one of its machines', async () => {
      const address = freshAddress();
      const { privateKey } = await generateKeyPair('ES256');
      for (let index = 0; index < 3 * LIMIT; index += 1) {
        const jwt = await assertion(signer.clientId, 'ES256', privateKey);
        expect((await call('/token', address, withAssertion(jwt))).status).to.equal(401);
        const former = byBasic(basic.clientId, 'the former secret');
        expect((await call('/token', address, grant, former)).status).to.equal(401);
      }
      const jwt = await assertion(signer.clientId, 'ES256', signer.privateKey as CryptoKey);
      expect((await call('/token', address, withAssertion(jwt))).status).to.equal(200);
      expect(
        (await call('/token', address, grant, byBasic(basic.clientId, basic.clientSecret))).status,
      ).to.equal(200);
    });

    it('is remembered over a restart', async () => {
      const address = freshAddress();
      for (let index = 0; index < LIMIT; index += 1) {
        await call('/token', address, grant, byBasic(basic.clientId, `before-${index}`));
      }
      await latchkey.terminate();
      await latchkey.launch();
      const first = await call('/token', address, grant, byBasic(basic.clientId, 'after'));
      expect(first.status).to.equal(401);
      expectThrottled(await call('/token', address, grant, byBasic(basic.clientId, basic.clientSecret)));
    });

    it('leaves no secret in the log', () => {
      for (const secret of [
        basic.clientSecret,
        posted.clientSecret,
        mac.clientSecret,
        'wrong-',
        'the former secret',
      ]) {
        expect(latchkey.output).to.not.include(secret);
      }
    });
  });
}
