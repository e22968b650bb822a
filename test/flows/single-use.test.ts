import { expect } from 'chai';
import { SignJWT } from 'jose';
import { ADA, type Answer, Application, answerIn, answerOf } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const ATTEMPTS = 50;

/** The same request from as many connections at once: they spread over all processes. */
function atOnce<Result>(attempt: () => Promise<Result>, attempts = ATTEMPTS): Promise<Result[]> {
  return Promise.all(Array.from({ length: attempts }, attempt));
}

function statuses(answers: { status: number }[]): Record<number, number> {
  const counted: Record<number, number> = {};
  for (const { status } of answers) counted[status] = (counted[status] ?? 0) + 1;
  return counted;
}

describe('single use over four processes', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let browser: FormBrowser;
  let signing: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_WORKERS: '4' });
    [app, signing] = await Promise.all([
      Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      }),
      Application.register(latchkey, {
        grant_types: ['client_credentials'],
        token_endpoint_auth_method: 'client_secret_jwt',
        redirect_uris: [],
      }),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
    browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
  });
  after(() => latchkey.stop());

  it('an authorization code: at most one success, the others invalid_grant', async () => {
    for (let round = 0; round < 3; round += 1) {
      const authorized = await app.authorize(browser);
      const answers = await atOnce(() => app.redeem(authorized));
      const won = answers.filter(({ status }) => status === 200);
      expect(won.length, JSON.stringify(statuses(answers))).to.be.at.most(1);
      for (const { status, body } of answers) {
        if (status !== 200)
          expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_grant' });
      }
      // RFC 6749 §4.1.2: once it was redeemed twice, what came of it is worth nothing.
      const { status } = await app.redeem(authorized);
      expect(status).to.equal(400);
      for (const { body } of won) expect((await app.userinfo(body.access_token)).status).to.equal(401);
    }
  });

  it('a pushed request: at most one code, and no failure', async () => {
    const { url } = app.authorizationRequest();
    const pushed = await app.post('/request', Object.fromEntries(url.searchParams));
    expect(pushed.status).to.equal(201);
    const request = new URL('/auth', latchkey.issuer);
    request.search = new URLSearchParams({
      client_id: app.clientId,
      request_uri: pushed.body.request_uri,
    }).toString();
    const landings = await atOnce(() => browser.visit(request));
    const won = landings.filter((landing) => answerIn(landing).code !== undefined);
    expect(won.length).to.be.at.most(1);
    for (const landing of landings) {
      expect(landing.status, landing.page).to.be.oneOf([303, 400]);
      if (landing.status === 303)
        expect(answerIn(landing).error).to.be.oneOf([undefined, 'invalid_request_uri']);
      else expect(landing.page).to.contain('invalid_request_uri');
    }
    const again = await browser.visit(request);
    expect(`${again.url.search}${again.page}`).to.contain('invalid_request_uri');
    expect(answerIn(await browser.visit(app.authorizationRequest({ prompt: 'none' }).url)).code).to.be.a(
      'string',
    );
  });

  it('a client assertion: one success, the others invalid_client', async () => {
    const assertion = await new SignJWT({ jti: 'used-once' })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(signing.clientId)
      .setSubject(signing.clientId)
      .setAudience(latchkey.issuer)
      .setExpirationTime('1m')
      .sign(new TextEncoder().encode(signing.secret));
    const answers = await atOnce(async () =>
      answerOf(
        await fetch(`${latchkey.issuer}/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: assertion,
          }),
        }),
      ),
    );
    expect(statuses(answers)).to.deep.equal({ 200: 1, 401: ATTEMPTS - 1 });
    for (const { status, body } of answers) if (status !== 200) expect(body.error).to.equal('invalid_client');
  });

  it('a DPoP proof: one success, at the token endpoint and at userinfo', async () => {
    const key = await dpopKey();
    const proof = (path: string, htm: string, more: Record<string, string> = {}) =>
      key.proof(`${latchkey.issuer}${path}`, { htm, ...more });

    const shown = await proof('/token', 'POST');
    const answers = await atOnce(() => app.token({ grant_type: 'client_credentials' }, { DPoP: shown }));
    expect(statuses(answers)).to.deep.equal({ 200: 1, 400: ATTEMPTS - 1 });
    for (const { status, body } of answers) {
      if (status !== 200) expect(body.error).to.be.oneOf(['invalid_dpop_proof', 'invalid_grant']);
    }

    const authorized = await app.authorize(browser, { dpop_jkt: key.thumbprint });
    const { body } = await app.redeem(authorized, {}, { DPoP: await proof('/token', 'POST') });
    const ath = Buffer.from(
      await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body.access_token)),
    ).toString('base64url');
    const headers = { Authorization: `DPoP ${body.access_token}`, DPoP: await proof('/me', 'GET', { ath }) };
    const seen: Answer[] = await atOnce(() => app.userinfo('', headers));
    expect(seen.filter(({ status }) => status === 200)).to.have.length(1);
    for (const { status, body: refused, headers: told } of seen) {
      if (status === 200) continue;
      expect({ status, error: refused.error }).to.deep.equal({ status: 401, error: 'invalid_token' });
      expect(told.get('www-authenticate')).to.match(/^DPoP .*error="invalid_token"/);
    }
  });

  it('a refresh token: everybody gets the same successor, and it works', async () => {
    const { refresh_token } = await app.signIn();
    const answers = await atOnce(() => app.refresh(refresh_token), 20);
    expect(statuses(answers)).to.deep.equal({ 200: 20 });
    const successors = new Set(answers.map(({ body }) => body.refresh_token));
    expect(successors.size).to.equal(1);
    for (const successor of successors) expect((await app.refresh(successor)).status).to.equal(200);
  });

  it('many tabs of one browser at once: each gets a code that works', async () => {
    const authorized = await atOnce(() => app.authorize(browser, { prompt: 'none' }), 12);
    const answers = await Promise.all(authorized.map((one) => app.redeem(one)));
    expect(statuses(answers)).to.deep.equal({ 200: 12 });
    for (const { body } of answers) expect((await app.userinfo(body.access_token)).status).to.equal(200);
  });

  it('no request failed on our side', () => {
    expect(latchkey.output).to.not.contain('"level":50');
  });
});
