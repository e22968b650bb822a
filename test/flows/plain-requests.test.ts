import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { ADA, type Answer, Application, answerOf } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { comparableHeaders } from './plain-answer.ts';

const API = 'https://api.example.com';
const JWT_API = 'https://jwt.example.com';
/** Nobody's parameter: it changes nothing, but a form with it is not plain. */
const NOT_PLAIN = { something_else: 'x' };

/** What differs between two answers that say the same. */
const VOLATILE = ['access_token', 'refresh_token', 'id_token'];

/** An answer as far as two of them are to be the same, and whether it was the engine that answered. */
function told({ status, headers, body }: Answer) {
  const { sent, byEngine } = comparableHeaders(headers);
  const bodyTold = Object.entries(body as Record<string, unknown>).map(([name, value]) =>
    VOLATILE.includes(name) ? [name, shape(String(value))] : [name, value],
  );
  return {
    answer: { status, headers: { ...sent, 'content-length': '' }, body: Object.fromEntries(bodyTold) },
    byEngine,
  };
}

/** The claims that each token, or each sign-in, has of its own. */
const OWN_CLAIMS = ['jti', 'iat', 'exp', 'sid', 'at_hash', 'auth_time'];

/** Of a token what is the same in the next one, and whether it has the rest. */
function shape(token: string): unknown {
  if (!token.includes('.')) return { length: token.length };
  const claims = Object.entries(decodeJwt(token)).map(([name, value]) => [
    name,
    OWN_CLAIMS.includes(name) ? typeof value : value,
  ]);
  return { header: decodeProtectedHeader(token), claims: Object.fromEntries(claims) };
}

describe('plain requests are answered as the engine answers them', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let native: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read', '--token-format', 'opaque']),
      latchkey.json(['apis', 'create', '--identifier', JWT_API, '--scopes', 'read']),
    ]);
    [app, native] = await Promise.all([
      Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        refresh_token_grace: 0,
      }),
      Application.register(latchkey, { token_endpoint_auth_method: 'none', application_type: 'native' }),
    ]);
  });
  after(() => latchkey.stop());

  /** Compares a plain answer with the engine's to the same; `who` answered the plain one. */
  function compare(plain: Answer, engine: Answer, who: 'plain' | 'engine' = 'plain'): Answer {
    const [here, there] = [told(plain), told(engine)];
    expect(there.byEngine, 'what it is compared with').to.equal(true);
    expect(here.byEngine, `who answered ${JSON.stringify(plain.body)}`).to.equal(who === 'engine');
    expect(here.answer).to.deep.equal(there.answer);
    return plain;
  }

  it('a store in trouble is told once, under its endpoint and with a reference', async () => {
    const form = { grant_type: 'client_credentials', resource: API };
    const failures =
      'latchkey_http_requests_total{endpoint="token",status="5xx",error="temporarily_unavailable"}';
    const before = await latchkey.metric(failures);
    const file = new DatabaseSync(path.join(latchkey.dataDir, 'latchkey.db'));
    try {
      file.exec('BEGIN IMMEDIATE');
      const answers = await Promise.all([app.token(form), app.token({ ...form, ...NOT_PLAIN })]);
      for (const { status, headers, body } of answers) {
        expect({ status, error: body.error, retryAfter: headers.get('retry-after') }).to.deep.equal({
          ...{ status: 503, error: 'temporarily_unavailable', retryAfter: '2' },
        });
        const reference = headers.get('latchkey-reference') ?? 'none';
        const told = () => latchkey.output.split('\n').filter((line) => line.includes(reference));
        await eventually('it is in the log', () => told().length > 0);
        expect(told().length, reference).to.equal(1);
      }
    } finally {
      file.close();
    }
    expect((await latchkey.metric(failures)) - before).to.equal(2);
    expect((await app.token(form)).status, 'and it is over with the trouble').to.equal(200);
  });

  it('client credentials, opaque and JWT, with a scope and without (RFC 6749 section 4.4)', async () => {
    for (const more of [
      { resource: API },
      { resource: JWT_API },
      { resource: API, scope: 'read' },
      { resource: API, scope: 'no-such' },
    ]) {
      const form = { grant_type: 'client_credentials', ...more };
      const { status, body } = compare(await app.token(form), await app.token({ ...form, ...NOT_PLAIN }));
      expect({ status, ...body }).to.include({ status: 200, token_type: 'Bearer' });
    }
  });

  it('codes, of applications with a secret and without one (RFC 6749 section 4.1.3)', async () => {
    for (const client of [app, native]) {
      const browser = new FormBrowser(latchkey.issuer);
      const scope = { scope: 'openid email offline_access', prompt: 'consent' };
      const [first, second] = [
        await client.authorize(browser, scope),
        await client.authorize(browser, scope),
      ];
      const { body } = compare(await client.redeem(first), await client.redeem(second, NOT_PLAIN));
      expect(body).to.include.keys('access_token', 'refresh_token', 'id_token');
      compare(await client.redeem(first), await client.redeem(second, NOT_PLAIN), 'engine');
      expect((await client.userinfo(body.access_token)).status, 'a code used twice ends its tokens').to.equal(
        401,
      );
    }
  });

  it('refresh tokens, rotated, and a family that ends with a reuse (RFC 9700 section 4.14.2)', async () => {
    const scope = { scope: 'openid offline_access read', prompt: 'consent', resource: JWT_API };
    const [first, second] = [
      await app.signIn(undefined, scope),
      await app.signIn(new FormBrowser(latchkey.issuer), scope),
    ];
    const rotated = compare(
      await app.refresh(first.refresh_token),
      await app.refresh(second.refresh_token, NOT_PLAIN),
    );
    expect(rotated.status).to.equal(200);
    const narrower = { scope: 'read', resource: JWT_API };
    const again = await app.refresh(rotated.body.refresh_token, narrower);
    expect({ status: again.status, scope: again.body.scope }).to.deep.equal({ status: 200, scope: 'read' });
    expect(told(again).byEngine).to.equal(false);
    const stolen = await app.refresh(first.refresh_token);
    expect({ status: stolen.status, error: stolen.body.error }).to.deep.equal({
      ...{ status: 400, error: 'invalid_grant' },
    });
    expect((await app.refresh(again.body.refresh_token)).status, 'the whole family').to.equal(400);
  });

  it('userinfo (OpenID Connect Core section 5.3)', async () => {
    const scope = { scope: 'openid email profile', prompt: 'consent' };
    const { access_token: token } = await app.signIn(new FormBrowser(latchkey.issuer), scope);
    const byEngine = async () =>
      answerOf(
        await fetch(new URL('/me?x', latchkey.issuer), {
          headers: { Authorization: `Bearer ${token}`, Accept: 'application/json' },
        }),
      );
    const { body } = compare(await app.userinfo(token), await byEngine());
    expect(body).to.include({ email: ADA.login }).and.to.have.property('sub');
    expect(told(await app.userinfo(token, { DPoP: 'x' })).byEngine, 'a proof').to.equal(true);
    expect((await app.userinfo(token, { Origin: 'https://elsewhere.example' })).status).to.equal(400);
    const forApi = await app.signIn(undefined, { scope: 'openid read', resource: API });
    await app.revoke(token);
    compare(await app.userinfo(token), await byEngine(), 'engine');
    expect((await app.userinfo(forApi.access_token)).status, 'of an API').to.equal(403);
    for (const refused of ['no-such-token', `${token}x`]) {
      const { status, headers } = await app.userinfo(refused);
      expect({ status, challenge: headers.get('www-authenticate') })
        .to.include({ status: 401 })
        .and.to.have.property('challenge')
        .that.contains('error="invalid_token"');
    }
  });

  it('refusals are the engine’s, each with its words', async () => {
    const form = { grant_type: 'client_credentials', resource: API };
    const code = await app.authorize(new FormBrowser(latchkey.issuer));
    const redeem = { grant_type: 'authorization_code', redirect_uri: app.redirectUri };
    const refused: Record<string, string>[] = [
      { ...form, scope: 'ré\u0001' },
      { ...form, resource: 'https://unknown.example' },
      { ...form, client_id: 'another' },
      { ...form, client_secret: app.secret ?? '' },
      { ...redeem, code: 'no-such-code', code_verifier: code.verifier },
      { ...redeem, code: code.code, code_verifier: 'x'.repeat(43) },
      { ...redeem, code: code.code, code_verifier: code.verifier, redirect_uri: 'http://localhost:9/else' },
      { ...redeem, code: code.code },
      { grant_type: 'refresh_token', refresh_token: 'no-such-token' },
      { grant_type: 'refresh_token' },
      { grant_type: 'password', username: 'a', password: 'b' },
    ];
    for (const parameters of refused) {
      const { status } = compare(
        await app.token(parameters),
        await app.token({ ...parameters, ...NOT_PLAIN }),
        'engine',
      );
      expect(status, JSON.stringify(parameters)).to.equal(400);
    }
    const other = Application.known(latchkey.issuer, app.clientId, app.redirectUri, 'wrong');
    const { status, headers } = compare(
      await other.token(form),
      await other.token({ ...form, ...NOT_PLAIN }),
      'engine',
    );
    expect({ status, challenge: headers.get('www-authenticate')?.split(' ')[0] }).to.deep.equal({
      ...{ status: 401, challenge: 'Basic' },
    });
    expect((await app.redeem(code)).status, 'a code outlives what was refused').to.equal(200);
  });

  it('what has more to it is left to the engine: proofs, browsers, parameters that come twice', async () => {
    const form = { grant_type: 'client_credentials', resource: API };
    const proof = await (await dpopKey()).proof(`${latchkey.issuer}/token`);
    const bound = await app.token(form, { DPoP: proof });
    expect({ type: bound.body.token_type, byEngine: told(bound).byEngine }).to.deep.equal({
      ...{ type: 'DPoP', byEngine: true },
    });
    const origin = new URL(app.redirectUri).origin;
    const fromBrowser = await app.token(form, { Origin: origin });
    expect(fromBrowser.headers.get('access-control-allow-origin')).to.equal(origin);
    const authorization = `Basic ${Buffer.from(`${app.clientId}:${app.secret}`).toString('base64')}`;
    const sent = async (body: string, contentType = 'application/x-www-form-urlencoded') =>
      answerOf(
        await fetch(`${latchkey.issuer}/token`, {
          method: 'POST',
          body,
          headers: { Authorization: authorization, 'Content-Type': contentType },
        }),
      );
    const once = `grant_type=client_credentials&resource=${encodeURIComponent(API)}`;
    const answers = [
      await sent(`${once}&scope=read&scope=read`),
      await sent(`${once}&grant_type=client_credentials`),
      await sent(`${once}&scope=`),
      await sent(once, 'application/x-www-form-urlencoded; charset=iso-8859-1'),
      await sent(once, 'text/plain'),
      await sent(`${once}&padding=${'x'.repeat(5000)}`),
      await sent(`${once}&authorization_details=${encodeURIComponent('[{"type":"x"}]')}`),
    ];
    expect(answers.map((answer) => told(answer).byEngine)).to.deep.equal(answers.map(() => true));
    expect(answers.map(({ status }) => status)).to.deep.equal([400, 400, 200, 200, 400, 200, 200]);
  });

  it('userinfo that is signed, as the engine signs it', async () => {
    const signed = await Application.register(latchkey, { userinfo_signed_response_alg: 'ES256' });
    const { access_token: token } = await signed.signIn(new FormBrowser(latchkey.issuer), {
      prompt: 'consent',
    });
    const { status, headers, body } = await signed.userinfo(token);
    expect({ status, type: headers.get('content-type') }).to.deep.equal({
      ...{ status: 200, type: 'application/jwt; charset=utf-8' },
    });
    expect(decodeJwt(String(body))).to.include({ aud: signed.clientId, iss: latchkey.issuer });
  });

  it('of fifty at once that redeem one code, at most one is answered', async () => {
    const code = await app.authorize(new FormBrowser(latchkey.issuer));
    const answers = await Promise.all(Array.from({ length: 50 }, () => app.redeem(code)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses.filter((status) => status === 200).length).to.be.at.most(1);
    expect(new Set(statuses.slice(1))).to.deep.equal(new Set([400]));
  });

  it('somebody disabled gets nothing more', async () => {
    const scope = { scope: 'openid offline_access', prompt: 'consent' };
    const tokens = await app.signIn(new FormBrowser(latchkey.issuer), scope);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(200);
    await latchkey.json(['users', 'disable', ADA.login]);
    const answers = [await app.userinfo(tokens.access_token), await app.refresh(tokens.refresh_token)];
    expect(answers.map(({ status, body }) => [status, body.error])).to.deep.equal([
      [401, 'invalid_token'],
      [400, 'invalid_grant'],
    ]);
  });

  it('secrets are guessed no more often than elsewhere', async () => {
    const throttled = 'latchkey_throttled_attempts_total{kind="client_authentication"}';
    const form = { grant_type: 'client_credentials', resource: API };
    const statuses: number[] = [];
    for (let guess = 0; guess < 100 && statuses.at(-1) !== 429; guess += 1) {
      const guesser = Application.known(latchkey.issuer, app.clientId, app.redirectUri, `guess-${guess}`);
      statuses.push((await guesser.token({ ...form, ...(guess % 2 === 0 ? {} : NOT_PLAIN) })).status);
    }
    expect(statuses.at(-1)).to.equal(429);
    const before = await latchkey.metric(throttled);
    expect((await app.token(form)).status, 'the right one as well').to.equal(429);
    expect((await latchkey.metric(throttled)) - before, 'counted once').to.equal(1);
  });
});
