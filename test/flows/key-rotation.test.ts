import { expect } from 'chai';
import { createRemoteJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess, runCommand } from './latchkey-process.ts';

const API = 'https://api.example.com';
const ROTATIONS = 5;
const CACHE_SECONDS = 1;
const MARGIN_SECONDS = 1;

interface Key {
  kid: string;
  algorithm: string;
  state: string;
}

describe('signing keys that rotate under load', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: '2',
      LATCHKEY_KEYS_ALGORITHMS: 'ES256,RS256',
      LATCHKEY_KEYS_JWKS_MAX_AGE: String(CACHE_SECONDS),
      LATCHKEY_KEYS_ANNOUNCE_MARGIN: String(MARGIN_SECONDS),
      LATCHKEY_KEYS_ROTATION_INTERVAL: '86400',
    });
    [app] = await Promise.all([
      Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      }),
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']),
    ]);
  });
  after(() => latchkey.stop());

  const keys = () => latchkey.json<Key[]>(['keys', 'list']);
  const signing = async () =>
    (await keys())
      .filter(({ state, algorithm }) => state === 'active' && algorithm === 'ES256')
      .map(({ kid }) => kid);

  /** A verifier that keeps the key set for as long as its max-age says, and fetches in between for nobody. */
  function cachingVerifier() {
    const keySet = createRemoteJWKSet(new URL('/jwks', latchkey.issuer), {
      cacheMaxAge: CACHE_SECONDS * 1000,
      cooldownDuration: CACHE_SECONDS * 1000,
    });
    return (token: string) =>
      jwtVerify(token, keySet, { issuer: latchkey.issuer, audience: API, typ: 'at+jwt' });
  }

  it('the key set says how long it may be kept, and is validated by its tag', async () => {
    const answer = await fetch(`${latchkey.issuer}/jwks`);
    expect(answer.headers.get('cache-control')).to.equal(`public, max-age=${CACHE_SECONDS}`);
    const etag = answer.headers.get('etag') ?? '';
    const again = await fetch(`${latchkey.issuer}/jwks`, { headers: { 'If-None-Match': etag } });
    expect(again.status).to.equal(304);
    const { keys: published } = (await answer.json()) as JSONWebKeySet;
    for (const key of published) {
      expect(key).to.include({ use: 'sig' }).and.to.not.have.any.keys('d', 'p', 'q', 'k');
    }
  });

  it('five rotations: every request is answered, and a caching verifier accepts every token', async () => {
    const verify = cachingVerifier();
    const seen = new Map<string, string>();
    const problems: string[] = [];
    let running = true;
    let requests = 0;
    const client = async () => {
      while (running) {
        try {
          const { status, body } = await app.token({
            grant_type: 'client_credentials',
            resource: API,
            scope: 'read',
          });
          requests += 1;
          if (status !== 200) problems.push(`${status} ${JSON.stringify(body)}`);
          else {
            await verify(body.access_token);
            seen.set(String(decodeProtectedHeader(body.access_token).kid), body.access_token);
          }
        } catch (error) {
          problems.push(String(error));
        }
        // A verifier's life is not one of requests back to back; the machine has more to do.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const clients = Array.from({ length: 4 }, client);
    await eventually('the first key signs', () => seen.size === 1);
    for (let rotation = 0; rotation < ROTATIONS; rotation += 1) {
      const before = seen.size;
      await latchkey.json(['keys', 'rotate', '--algorithm', 'ES256']);
      await eventually(`rotation ${rotation + 1} signs`, () => seen.size > before);
    }
    running = false;
    await Promise.all(clients);
    expect(problems).to.deep.equal([]);
    expect(seen.size).to.equal(ROTATIONS + 1);
    expect(requests).to.be.above(ROTATIONS * 10);
    const fresh = cachingVerifier();
    for (const token of seen.values()) await fresh(token);
  });

  it('an ID token of a retired key is still a hint for signing out', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { id_token } = await app.signIn(browser);
    const { kid } = decodeProtectedHeader(id_token);
    await latchkey.json(['keys', 'rotate', '--algorithm', 'ES256', '--immediately']);
    expect(await signing()).to.not.include(kid);
    const page = await browser.visit(`/session/end?id_token_hint=${id_token}`);
    expect(page).to.include({ status: 200, pageName: 'logout' });
  });

  it('a withdrawn key leaves the set at once, and what it signed verifies no more', async () => {
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    const { kid } = decodeProtectedHeader(body.access_token);
    await latchkey.json(['keys', 'retire', String(kid)]);
    await eventually('both processes published without it', async () => {
      const sets = await Promise.all(
        Array.from({ length: 8 }, async () => (await fetch(`${latchkey.issuer}/jwks`)).text()),
      );
      return sets.every((set) => !set.includes(String(kid)));
    });
    const refused = await cachingVerifier()(body.access_token).catch(
      (error: { code?: string }) => error.code,
    );
    expect(refused).to.equal('ERR_JWKS_NO_MATCHING_KEY');
    const next = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    expect(next.status).to.equal(200);
    await cachingVerifier()(next.body.access_token);
  });

  it('killed in the middle of rotations, it starts again with keys that sign and verify', async () => {
    const { environment } = latchkey;
    const rotations = ['ES256', 'RS256', 'ES256'].map((algorithm) =>
      runCommand(environment, ['keys', 'rotate', '--algorithm', algorithm, '--immediately', '--json']),
    );
    await Promise.race(rotations);
    await latchkey.crash();
    await Promise.all(rotations);
    await latchkey.launch();
    const present = await keys();
    for (const algorithm of ['ES256', 'RS256']) {
      const active = present.filter((key) => key.algorithm === algorithm && key.state === 'active');
      expect(active, algorithm).to.have.length(1);
    }
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    await cachingVerifier()(body.access_token);
    expect((await app.signIn()).id_token).to.be.a('string');
  });
});
