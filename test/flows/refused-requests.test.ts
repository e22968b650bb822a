import { expect } from 'chai';
import { decodeJwt, SignJWT } from 'jose';
import { ADA, type Answer, Application, answerIn, answerOf } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

describe('requests that are refused', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let publicApp: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    [app, publicApp] = await Promise.all([
      Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      }),
      Application.register(latchkey, { token_endpoint_auth_method: 'none' }),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
  });
  after(() => latchkey.stop());

  const refusalOf = async (parameters: Record<string, string>, application = app) => {
    const landing = await new FormBrowser(latchkey.issuer).visit(
      application.authorizationRequest(parameters).url,
    );
    return { error: answerIn(landing).error, landing };
  };

  it('implicit and hybrid requests are refused at the client’s address, without a token', async () => {
    for (const response_type of ['token', 'id_token', 'id_token token', 'code id_token', 'code token']) {
      const { landing } = await refusalOf({ response_type, nonce: 'n' });
      const answer = new URLSearchParams(landing.url.search || landing.url.hash.slice(1));
      expect(answer.get('error'), response_type).to.be.oneOf([
        'unsupported_response_type',
        'invalid_request',
      ]);
      expect(landing.url.href).to.not.match(/id_token=|access_token=|code=/);
    }
    expect((await refusalOf({ response_type: 'none' })).error).to.equal('unsupported_response_type');
  });

  it('no PKCE, and plain PKCE, are refused for confidential and public clients alike', async () => {
    for (const application of [app, publicApp]) {
      for (const parameters of [
        { code_challenge: '', code_challenge_method: '' },
        { code_challenge_method: 'plain' },
        { code_challenge_method: '' },
        { code_challenge: 'short' },
      ]) {
        const { error } = await refusalOf(parameters as Record<string, string>, application);
        expect(error, JSON.stringify(parameters)).to.equal('invalid_request');
      }
    }
  });

  it('a code is not redeemed without its verifier, with another’s, or for another address', async () => {
    for (const parameters of [
      { code_verifier: '' },
      { code_verifier: 'a'.repeat(43) },
      { redirect_uri: 'http://localhost:9/other' },
    ] as Record<string, string>[]) {
      const authorized = await app.authorize(new FormBrowser(latchkey.issuer));
      const { status, body } = await app.redeem(authorized, parameters);
      expect(status).to.equal(400);
      expect(body.error).to.equal('invalid_grant');
    }
    const authorized = await app.authorize(new FormBrowser(latchkey.issuer));
    const stolen = await publicApp.redeem(authorized, { redirect_uri: app.redirectUri });
    expect(stolen.body.error).to.equal('invalid_grant');
    expect((await app.redeem(authorized)).status, 'the owner’s try still serves').to.equal(200);
  });

  it('response modes that a client did not register are refused', async () => {
    for (const response_mode of ['fragment', 'form_post', 'web_message', 'jwt']) {
      const { landing } = await refusalOf({ response_mode });
      const response = landing.url.searchParams.get('response');
      const signed = response === null ? '' : String(decodeJwt(response).error);
      const told = `${landing.url.search}${landing.url.hash}${landing.page}${signed}`;
      expect(told, response_mode).to.match(/invalid_request|unsupported_response_mode/);
    }
  });

  it('the password grant, and grants that a client did not register, are refused', async () => {
    const password = await app.token({ grant_type: 'password', username: ADA.login, password: ADA.password });
    expect(password.body.error).to.equal('unsupported_grant_type');
    for (const grant_type of ['implicit', 'urn:ietf:params:oauth:grant-type:device_code', '']) {
      const { status, body } = await app.token({ grant_type });
      expect(status).to.equal(400);
      expect(body.error).to.be.oneOf(['unsupported_grant_type', 'unauthorized_client', 'invalid_request']);
    }
    const { status, body } = await publicApp.token({ grant_type: 'client_credentials' });
    expect(status).to.equal(400);
    expect(body.error).to.equal('unauthorized_client');
  });

  it('unsigned request objects, those by reference, and registration in a request, are refused', async () => {
    expect((await refusalOf({ request: 'eyJhbGciOiJub25lIn0.e30.' })).error).to.equal(
      'invalid_request_object',
    );
    expect((await refusalOf({ request_uri: 'https://attacker.example/r' })).error).to.equal(
      'request_uri_not_supported',
    );
    expect((await refusalOf({ registration: '{}' })).error).to.equal('registration_not_supported');
  });

  it('an address that is not registered is never redirected to', async () => {
    for (const redirect_uri of [
      'https://attacker.example/',
      'http://localhost:9/callback/',
      'http://localhost:9/callback?x=1',
      'http://localhost:9/callbac%6b',
      'http://localhost:10/callback',
      '',
    ]) {
      const { landing } = await refusalOf({ redirect_uri });
      expect(landing.pageName, redirect_uri).to.equal('error');
      expect(landing.status).to.equal(400);
    }
  });

  it('a client assertion must be meant for the issuer, be signed by an allowed algorithm and expire', async () => {
    const signed = await latchkey.createClient({
      client_name: 'Signs',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_jwt',
    });
    const secret = new TextEncoder().encode(signed.client_secret);
    let count = 0;
    const send = async (aud: string, change: { alg?: string; expires?: string } = {}): Promise<Answer> => {
      const assertion = await new SignJWT({ jti: `assertion-${count++}` })
        .setProtectedHeader({ alg: change.alg ?? 'HS256' })
        .setIssuer(signed.client_id)
        .setSubject(signed.client_id)
        .setAudience(aud)
        .setExpirationTime(change.expires ?? '1m')
        .sign(secret);
      return answerOf(
        await fetch(`${latchkey.issuer}/token`, {
          method: 'POST',
          body: new URLSearchParams({
            grant_type: 'client_credentials',
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: assertion,
          }),
        }),
      );
    };
    expect((await send(latchkey.issuer)).status).to.equal(200);
    for (const answer of [
      await send(`${latchkey.issuer}/token`),
      await send('https://attacker.example'),
      await send(latchkey.issuer, { alg: 'HS512' }),
      await send(latchkey.issuer, { expires: '-1m' }),
    ]) {
      expect(answer.status).to.equal(401);
      expect(answer.body.error).to.equal('invalid_client');
    }
  });

  it('a client that must push its requests, or bind its tokens, cannot do without', async () => {
    const [pushing, bound] = await Promise.all([
      Application.register(latchkey, { require_pushed_authorization_requests: true }),
      Application.register(latchkey, { dpop_bound_access_tokens: true }),
    ]);
    expect((await refusalOf({}, pushing)).error).to.equal('invalid_request');
    const authorized = await bound.authorize(new FormBrowser(latchkey.issuer));
    const { status, body } = await bound.redeem(authorized);
    expect(status).to.equal(400);
    expect(body.error).to.be.oneOf(['invalid_grant', 'invalid_dpop_proof', 'invalid_request']);
  });

  it('parameters given twice, too long or not UTF-8 are refused, and nothing fails', async () => {
    const { url } = app.authorizationRequest();
    url.searchParams.append('scope', 'openid email');
    expect(answerIn(await new FormBrowser(latchkey.issuer).visit(url)).error).to.equal('invalid_request');
    for (const body of [
      'grant_type=client_credentials&grant_type=refresh_token',
      `grant_type=${'x'.repeat(60_000)}`,
      '%',
      'grant_type=%ff%fe',
    ]) {
      const answer = await fetch(`${latchkey.issuer}/token`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      });
      expect(answer.status, body.slice(0, 60)).to.be.within(400, 413);
    }
    for (const [type, body] of [
      ['application/json', '{"grant_type":"client_credentials"}'],
      ['text/plain', 'grant_type=client_credentials'],
    ] as const) {
      const headers = { 'Content-Type': type };
      const answer = await fetch(`${latchkey.issuer}/token`, { method: 'POST', body, headers });
      expect(answer.status, type).to.be.within(400, 415);
    }
  });

  it('answers that hold tokens, and refusals of them, are not for any cache', async () => {
    const authorized = await app.authorize(new FormBrowser(latchkey.issuer));
    for (const { headers } of [
      await app.redeem(authorized),
      await app.redeem(authorized),
      await app.userinfo('no'),
    ]) {
      expect(headers.get('cache-control')).to.contain('no-store');
    }
  });

  it('no request failed on our side', () => {
    expect(latchkey.output).to.not.contain('"level":50');
  });
});
