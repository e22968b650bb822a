import { expect } from 'chai';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { createTokenVerifier, type TokenVerifier } from '../../lib/resource-server/token-verifier.ts';
import { RedisServer, startRedisCluster } from '../redis/redis-servers.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { within } from './stopwatch.ts';
import { waitTogether } from './wait-together.ts';

const API = 'https://api.example.com';
const OTHER_API = 'https://rsa.example.com';
/** The shortest that can be configured: how long a revoked token may still be accepted. */
const TTL_SECONDS = 5;
const WORKERS = '2';

const reference = (token: string) =>
  (decodeJwt(token).status as { status_list: { idx: number; uri: string } }).status_list;

function describeStatuses(environment: () => Record<string, string>): void {
  let latchkey: LatchkeyProcess;
  let app: Application;
  let api: Application;
  let sub: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_TOKEN_STATUS_LIST_ENABLED: 'true',
      LATCHKEY_FEATURES_TOKEN_STATUS_LIST_TTL: String(TTL_SECONDS),
      LATCHKEY_WORKERS: WORKERS,
      ...environment(),
    });
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
    await latchkey.json([
      ...['apis', 'create', '--identifier', OTHER_API, '--scopes', 'read'],
      ...['--algorithm', 'RS256'],
    ]);
    app = await Application.register(latchkey, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
    api = await Application.register(latchkey, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      resource_server: API,
    });
  });
  after(() => latchkey?.stop());

  const signIn = (browser?: FormBrowser, application = app) =>
    application.signIn(browser, { scope: 'openid read', resource: API });
  const machineToken = async () =>
    (await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' })).body
      .access_token as string;
  const active = async (token: string) => (await api.introspect(token)).body.active as boolean;
  const verifier = () => createTokenVerifier({ issuer: latchkey.issuer, audience: API });

  /** Every API refuses the token within the time that the list promises, counted from the answer to the revocation. */
  async function expectRefusal(apis: TokenVerifier[], token: string): Promise<void> {
    const promised = (TTL_SECONDS + 1) * 1000;
    await Promise.all(
      apis.map((one) =>
        within(
          promised,
          'the API refuses the token',
          async () => (await one.verifyToken(token)).outcome === 'invalid',
        ),
      ),
    );
    expect(await active(token)).to.equal(false);
  }

  it('a token names a place of its own kind in a signed list', async () => {
    const [one, other, machine] = [await signIn(), await signIn(), await machineToken()];
    const jwks = createRemoteJWKSet(new URL('/jwks', latchkey.issuer));
    for (const token of [one.access_token, other.access_token, machine]) {
      const { idx, uri } = reference(token);
      const answer = await fetch(uri, { headers: { accept: 'application/statuslist+jwt' } });
      expect(answer.status).to.equal(200);
      expect(answer.headers.get('content-type')).to.match(/^application\/statuslist\+jwt/);
      expect(answer.headers.get('cache-control')).to.equal(`public, max-age=${TTL_SECONDS}`);
      expect(answer.headers.get('access-control-allow-origin')).to.equal('*');
      const { payload, protectedHeader } = await jwtVerify(await answer.text(), jwks, {
        subject: uri,
        typ: 'statuslist+jwt',
      });
      expect(protectedHeader.alg).to.equal('ES256');
      expect(payload).to.include({ iss: latchkey.issuer, ttl: TTL_SECONDS });
      expect(payload.status_list).to.include({ bits: 1 }).and.have.property('lst');
      expect(idx).to.be.a('number').and.within(0, 65_535);
    }
    const places = [one.access_token, other.access_token, machine].map((token) =>
      JSON.stringify(reference(token)),
    );
    expect(new Set(places).size).to.equal(3);
    const rsa = await app.token({ grant_type: 'client_credentials', resource: OTHER_API, scope: 'read' });
    const list = await (await fetch(reference(rsa.body.access_token).uri)).text();
    expect(decodeProtectedHeader(list).alg, 'as the token itself is signed').to.equal('RS256');
  });

  it('a list is not made up: another name is not found, and it is only read', async () => {
    const { uri } = reference(await machineToken());
    const changed = `${uri.slice(0, -6)}${uri.slice(-6) === 'AAAAAA' ? 'BBBBBB' : 'AAAAAA'}`;
    for (const address of [changed, uri.replace('/ES256/', '/RS256/'), `${uri}A`]) {
      expect((await fetch(address)).status, address).to.equal(404);
    }
    const posted = await fetch(uri, { method: 'POST' });
    expect(posted.status).to.equal(405);
    expect(posted.headers.get('allow')).to.equal('GET, HEAD');
  });

  waitTogether({
    'a revoked token is refused by three APIs within the advertised time, and others are not': async () => {
      const apis = [verifier(), verifier(), verifier()];
      const tokens = await signIn();
      const spared = await signIn();
      for (const one of apis) {
        expect((await one.verifyToken(tokens.access_token, ['read'])).outcome).to.equal('valid');
        expect((await one.verifyToken(spared.access_token, ['read'])).outcome).to.equal('valid');
      }
      expect((await app.revoke(tokens.access_token)).status).to.equal(200);
      await expectRefusal(apis, tokens.access_token);
      expect((await app.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
      for (const one of apis) expect((await one.verifyToken(spared.access_token)).outcome).to.equal('valid');
      expect(await active(spared.access_token)).to.equal(true);
    },

    'whatever ends a grant ends its JWT access tokens': async () => {
      const endings: Record<
        string,
        (tokens: { refresh_token: string }, application: Application) => Promise<unknown>
      > = {
        'the refresh token is revoked': (tokens, application) => application.revoke(tokens.refresh_token),
        'the person takes the consent back': async (_tokens, { clientId }) => {
          const listed = await latchkey.json<{ grant_id: string; client_id: string }[]>(['grants', 'list']);
          const ids = listed.filter((grant) => grant.client_id === clientId).map((grant) => grant.grant_id);
          expect(ids).to.have.length(1);
          await latchkey.json(['grants', 'revoke', ids[0] as string]);
        },
        'the application is deleted': (_tokens, { clientId }) =>
          latchkey.json(['clients', 'delete', clientId]),
      };
      await Promise.all(
        Object.entries(endings).map(async ([what, end]) => {
          const application = await Application.register(latchkey);
          const tokens = await signIn(undefined, application);
          const api = verifier();
          expect((await api.verifyToken(tokens.access_token)).outcome, what).to.equal('valid');
          await end(tokens, application);
          await expectRefusal([api], tokens.access_token);
        }),
      );
    },

    'a refreshed token ends with its family, when a thief is noticed': async () => {
      const apis = [verifier()];
      const application = await Application.register(latchkey, { refresh_token_grace: 0 });
      const first = await signIn(undefined, application);
      const second = await application.refresh(first.refresh_token);
      expect((await apis[0]?.verifyToken(second.body.access_token))?.outcome).to.equal('valid');
      expect((await application.refresh(first.refresh_token)).body.error).to.equal('invalid_grant');
      await expectRefusal(apis, second.body.access_token);
      await expectRefusal(apis, first.access_token);
    },
  });

  it('what is issued after a revocation counts, also under the same grant', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const before = await signIn(browser);
    await app.revoke(before.access_token);
    const again = await signIn(browser);
    expect(reference(again.access_token)).not.to.deep.equal(reference(before.access_token));
    expect((await verifier().verifyToken(again.access_token)).outcome).to.equal('valid');
    expect(await active(again.access_token)).to.equal(true);
    expect(await active(before.access_token)).to.equal(false);
  });

  it('an application revokes one token of its own, and no other', async () => {
    const [one, other] = [await machineToken(), await machineToken()];
    const stranger = await Application.register(latchkey);
    expect((await stranger.revoke(other)).status).to.equal(200);
    await app.revoke(one);
    expect([await active(one), await active(other)]).to.deep.equal([false, true]);
    await expectRefusal([verifier()], one);
    expect((await verifier().verifyToken(other)).outcome).to.equal('valid');
  });

  it('of many revocations at once, over processes, none is lost', async () => {
    const tokens = await Promise.all(Array.from({ length: 40 }, machineToken));
    const kept = await machineToken();
    const answers = await Promise.all(tokens.map((token) => app.revoke(token)));
    expect(answers.map(({ status }) => status)).to.deep.equal(tokens.map(() => 200));
    const still = await Promise.all([...tokens, kept].map(active));
    expect(still.filter(Boolean)).to.have.length(1);
    expect(await active(kept)).to.equal(true);
  });

  it('somebody disabled has no token that is accepted', async () => {
    const tokens = await signIn();
    await latchkey.json(['users', 'disable', sub]);
    await expectRefusal([verifier()], tokens.access_token);
    await latchkey.json(['users', 'enable', sub]);
    expect(await active(tokens.access_token)).to.equal(false);
    expect((await verifier().verifyToken((await signIn()).access_token)).outcome).to.equal('valid');
  });
}

describe('statuses of JWT access tokens', function () {
  this.timeout(90_000);

  describe('in the data directory', () => describeStatuses(() => ({})));

  describe('in Redis', () => {
    let server: RedisServer;
    before(async () => {
      server = await RedisServer.start({ appendOnly: true });
    });
    after(() => server.remove());
    describeStatuses(() => ({ LATCHKEY_REDIS_URL: server.url }));
  });

  describe('in a Redis Cluster', () => {
    let cluster: Awaited<ReturnType<typeof startRedisCluster>>;
    before(async () => {
      cluster = await startRedisCluster();
    });
    after(() => cluster.remove());
    describeStatuses(() => ({ LATCHKEY_REDIS_URL: cluster.url }));
  });
});
