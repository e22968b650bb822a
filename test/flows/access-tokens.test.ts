import { expect } from 'chai';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { createTokenVerifier } from '../../lib/resource-server/token-verifier.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';
const SHORT_API = 'https://short.example.com';

describe('access tokens and ID tokens', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let sub: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,write']),
      latchkey.json([
        ...['apis', 'create', '--identifier', SHORT_API, '--scopes', 'read'],
        ...['--algorithm', 'RS256', '--lifetime', '1'],
      ]),
    ]);
    ({ sub } = await latchkey.json(
      [
        ...['users', 'create', '--email', ADA.login, '--name', 'Ada Lovelace', '--password-stdin'],
        ...['--claim', 'email_verified=true', '--claim', 'phone_number=+44 20 7946 0000'],
        ...['--claim', 'address:={"locality":"London"}', '--claim', 'nickname=Countess'],
      ],
      ADA.password,
    ));
    app = await Application.register(latchkey, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    });
  });
  after(() => latchkey.stop());

  const verifier = (audience: string) => createTokenVerifier({ issuer: latchkey.issuer, audience });
  const jwks = () => createRemoteJWKSet(new URL('/jwks', latchkey.issuer));

  it('a JWT access token for a person has what RFC 9068 asks, and the verifiers accept it', async () => {
    const tokens = await app.signIn(undefined, { scope: 'openid read', resource: API });
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, jwks(), {
      issuer: latchkey.issuer,
      audience: API,
      typ: 'at+jwt',
    });
    expect(protectedHeader).to.have.all.keys('typ', 'alg', 'kid');
    expect(payload).to.include({ sub, client_id: app.clientId, aud: API, scope: 'read' });
    expect(payload.jti).to.be.a('string');
    expect(Number(payload.exp) - Number(payload.iat)).to.equal(600);
    expect(tokens.expires_in).to.equal(600);
    const verified = await verifier(API).verifyToken(tokens.access_token, ['read']);
    expect(verified.outcome).to.equal('valid');
    expect((await verifier(SHORT_API).verifyToken(tokens.access_token)).outcome).to.equal('invalid');
    expect((await verifier(API).verifyToken(tokens.access_token, ['write'])).outcome).to.equal(
      'insufficient_scope',
    );
  });

  it('an application’s own token is for the application: its sub is the client_id', async () => {
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'write' });
    expect(decodeJwt(body.access_token)).to.include({
      sub: app.clientId,
      client_id: app.clientId,
      scope: 'write',
    });
    expect((await verifier(API).verifyToken(body.access_token, ['write'])).outcome).to.equal('valid');
  });

  it('an API’s algorithm and lifetime count', async () => {
    const { body } = await app.token({
      grant_type: 'client_credentials',
      resource: SHORT_API,
      scope: 'read',
    });
    const { protectedHeader } = await jwtVerify(body.access_token, jwks(), {
      audience: SHORT_API,
      clockTolerance: 5,
    });
    expect(protectedHeader.alg).to.equal('RS256');
    expect(body.expires_in).to.equal(1);
    const strict = createTokenVerifier({ issuer: latchkey.issuer, audience: SHORT_API, clockTolerance: 0 });
    const { exp } = decodeJwt(body.access_token);
    await eventually('its time is over', () => Date.now() / 1000 >= Number(exp));
    expect((await strict.verifyToken(body.access_token)).outcome).to.equal('expired');
  });

  it('one token is for one API: two at once are refused, one of two is chosen at redemption', async () => {
    const url = app.authorizationRequest({ scope: 'openid read', resource: API });
    url.url.searchParams.append('resource', SHORT_API);
    const landing = await new FormBrowser(latchkey.issuer).authorize(url.url, ADA);
    const code = landing.url.searchParams.get('code') ?? '';
    const { body } = await app.redeem({ code, verifier: url.verifier }, { resource: SHORT_API });
    expect(decodeJwt(body.access_token).aud).to.equal(SHORT_API);
    const other = await app.refresh(body.refresh_token, { resource: API });
    expect(decodeJwt(other.body.access_token).aud).to.equal(API);
  });

  it('an API that is not registered, or not an absolute URI, is invalid_target', async () => {
    for (const resource of ['https://unknown.example.com', 'read', `${API}#fragment`]) {
      const { status, body } = await app.token({ grant_type: 'client_credentials', resource });
      expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_target' });
    }
  });

  it('scopes that an API does not have are not in its token', async () => {
    const { status, body } = await app.token({
      grant_type: 'client_credentials',
      resource: API,
      scope: 'read admin',
    });
    expect({ status, scope: body.scope }).to.deep.equal({ status: 200, scope: 'read' });
    expect(decodeJwt(body.access_token).scope).to.equal('read');
  });

  it('a client registered for some scopes gets no others, with a person or without', async () => {
    const reader = await Application.register(latchkey, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      scope: 'openid read',
    });
    const machine = await reader.token({
      grant_type: 'client_credentials',
      resource: API,
      scope: 'read write',
    });
    expect({ status: machine.status, scope: machine.body.scope }).to.deep.equal({
      status: 200,
      scope: 'read',
    });
    const tokens = await reader.signIn(undefined, { scope: 'openid read write', resource: API });
    expect(decodeJwt(tokens.access_token).scope).to.equal('read');
    const refreshed = await reader.refresh(tokens.refresh_token);
    expect(decodeJwt(refreshed.body.access_token).scope).to.equal('read');
    const email = await new FormBrowser(latchkey.issuer).visit(
      reader.authorizationRequest({ scope: 'openid email' }).url,
    );
    expect(email.url.searchParams.get('error'), 'OpenID scopes').to.equal('invalid_scope');
  });

  it('a token for an API is none for userinfo, an ID token is none for an API', async () => {
    const tokens = await app.signIn(undefined, { scope: 'openid read', resource: API });
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await app.userinfo(tokens.id_token)).status).to.equal(401);
    expect((await verifier(app.clientId).verifyToken(tokens.id_token)).outcome).to.equal('invalid');
  });

  it('claims come by scope, from userinfo, and the ID token has no more than it must', async () => {
    const claims: Record<string, string[]> = {
      openid: ['sub'],
      'openid email': ['sub', 'email', 'email_verified'],
      'openid phone': ['sub', 'phone_number', 'phone_number_verified'],
      'openid address': ['sub', 'address'],
      'openid profile': ['sub', 'name', 'nickname', 'updated_at'],
    };
    for (const [scope, expected] of Object.entries(claims)) {
      const tokens = await app.signIn(undefined, { scope, nonce: 'a-nonce' });
      const { body } = await app.userinfo(tokens.access_token);
      expect(Object.keys(body), scope).to.include('sub');
      for (const name of Object.keys(body)) expect(expected, scope).to.include(name);
      expect(Object.keys(body).length, scope).to.be.at.least(Math.min(expected.length, 2));
      const idToken = decodeJwt(tokens.id_token);
      expect(idToken).to.include({ iss: latchkey.issuer, aud: app.clientId, sub, nonce: 'a-nonce' });
      for (const name of ['email', 'name', 'address', 'phone_number', 'auth_time', 'azp']) {
        expect(idToken, scope).to.not.have.property(name);
      }
    }
  });

  it('userinfo refuses without a token, with a wrong one and without openid', async () => {
    const bare = await fetch(`${latchkey.issuer}/me`, { headers: { Accept: 'application/json' } });
    expect(bare.status).to.equal(401);
    expect(bare.headers.get('www-authenticate'))
      .to.match(/^Bearer realm=/)
      .and.not.contain('error=');
    const wrong = await app.userinfo('nothing');
    expect(wrong.status).to.equal(401);
    expect(wrong.headers.get('www-authenticate')).to.contain('error="invalid_token"');
  });

  describe('of an application with a default_resource', () => {
    let plain: Application;

    before(async () => {
      plain = await Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        default_resource: API,
      });
    });

    it('are for that API where the request names none and signs nobody in', async () => {
      const { access_token, refresh_token, id_token } = await plain.signIn(undefined, { scope: 'read' });
      expect(id_token).to.equal(undefined);
      expect(decodeJwt(access_token)).to.include({ aud: API, scope: 'read', sub });
      const refreshed = await plain.token({ grant_type: 'refresh_token', refresh_token });
      expect(decodeJwt(refreshed.body.access_token)).to.include({ aud: API, scope: 'read' });
      const { body } = await plain.token({ grant_type: 'client_credentials', scope: 'write' });
      expect(decodeJwt(body.access_token)).to.include({ aud: API, scope: 'write' });
    });

    it('are for another API where the request names it, and for userinfo where it signs in', async () => {
      const named = await plain.token({ grant_type: 'client_credentials', resource: SHORT_API });
      expect(decodeJwt(named.body.access_token)).to.include({ aud: SHORT_API });
      const { access_token } = await plain.signIn(undefined, { scope: 'openid' });
      const answer = await fetch(new URL('/me', latchkey.issuer), {
        headers: { authorization: `Bearer ${access_token}` },
      });
      expect(await answer.json()).to.deep.equal({ sub });
    });

    it('is refused at registration for what is no API', async () => {
      const refused = await Application.register(latchkey, {
        default_resource: 'https://nothing.example',
      }).catch(String);
      expect(refused).to.contain('default_resource https://nothing.example is not a registered API');
    });
  });
});
