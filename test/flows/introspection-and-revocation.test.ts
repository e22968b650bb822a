import { expect } from 'chai';
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application, type Tokens } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';
const OTHER_API = 'https://other.example.com';

describe('introspection and revocation', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let stranger: Application;
  let spa: Application;
  let api: Application;
  let jwtApiItself: Application;
  let jwtApi: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    jwtApi = 'https://jwt.example.com';
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read', '--token-format', 'opaque']),
      latchkey.json([
        'apis',
        'create',
        '--identifier',
        OTHER_API,
        '--scopes',
        'read',
        '--token-format',
        'opaque',
      ]),
      latchkey.json(['apis', 'create', '--identifier', jwtApi, '--scopes', 'read']),
    ]);
    [app, stranger, spa, api, jwtApiItself] = await Promise.all([
      Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      }),
      Application.register(latchkey),
      Application.register(latchkey, { token_endpoint_auth_method: 'none' }),
      Application.register(latchkey, {
        client_name: 'The API itself',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_server: API,
      }),
      Application.register(latchkey, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_server: jwtApi,
      }),
    ]);
  });
  after(() => latchkey.stop());

  const active = async (application: Application, token: string) =>
    (await application.introspect(token)).body.active as boolean;

  it('a client sees its own tokens', async () => {
    const tokens = await app.signIn();
    const access = await app.introspect(tokens.access_token);
    expect(access.body).to.include({
      active: true,
      client_id: app.clientId,
      scope: 'openid',
      token_type: 'Bearer',
    });
    expect(access.body.exp - access.body.iat).to.equal(600);
    expect(access.headers.get('cache-control')).to.contain('no-store');
    const refresh = await app.introspect(tokens.refresh_token);
    expect(refresh.body).to.include({ active: true }).and.not.have.property('token_type');
  });

  it('a client sees nobody else’s, and learns nothing of whether there is such a token', async () => {
    const tokens = await app.signIn();
    for (const token of [tokens.access_token, tokens.refresh_token, 'no-such-token']) {
      const { status, body } = await stranger.introspect(token);
      expect({ status, body }).to.deep.equal({ status: 200, body: { active: false } });
    }
  });

  it('a public client may introspect its own tokens alone', async () => {
    const tokens = await spa.signIn();
    expect(await active(spa, tokens.access_token)).to.equal(true);
    expect(await active(spa, (await app.signIn()).access_token)).to.equal(false);
  });

  it('an API sees the tokens that are meant for it, and no others', async () => {
    const mine = await app.signIn(undefined, { scope: 'openid read', resource: API });
    const others = await app.signIn(undefined, { scope: 'openid read', resource: OTHER_API });
    const machine = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    const told = await api.introspect(mine.access_token);
    expect(told.body).to.include({ active: true, aud: API, scope: 'read', client_id: app.clientId });
    expect(told.body.sub).to.be.a('string');
    expect(await active(api, machine.body.access_token)).to.equal(true);
    expect(await active(api, others.access_token)).to.equal(false);
    expect(await active(api, mine.refresh_token)).to.equal(false);
    expect(await active(api, (await app.signIn()).access_token), 'one for userinfo').to.equal(false);
  });

  it('nobody introspects without proving who they are', async () => {
    const { access_token } = await app.signIn();
    const answer = await fetch(`${latchkey.issuer}/introspection`, {
      method: 'POST',
      body: new URLSearchParams({ token: access_token, client_id: app.clientId }),
    });
    expect(answer.status).to.equal(401);
  });

  describe('of JWT access tokens', () => {
    const signIn = () => app.signIn(undefined, { scope: 'openid read', resource: jwtApi });

    it('the client and the API that it is for see it, and nobody else', async () => {
      const { access_token } = await signIn();
      const claims = decodeJwt(access_token);
      for (const caller of [app, jwtApiItself]) {
        const { status, body, headers } = await caller.introspect(access_token);
        expect(status).to.equal(200);
        const { sub, exp, iat, jti, acr, amr, auth_time } = claims;
        expect(body).to.deep.equal({
          ...{ active: true, iss: latchkey.issuer, client_id: app.clientId, token_type: 'Bearer' },
          ...{ sub, aud: jwtApi, scope: 'read', exp, iat, jti },
          ...{ acr, amr, auth_time },
        });
        expect(headers.get('cache-control')).to.contain('no-store');
      }
      for (const caller of [stranger, spa, api]) {
        expect((await caller.introspect(access_token)).body).to.deep.equal({ active: false });
      }
    });

    it('a signed answer has the same content (RFC 9701)', async () => {
      const signed = await Application.register(latchkey, { introspection_signed_response_alg: 'ES256' });
      const { access_token } = await signed.signIn(undefined, { scope: 'openid read', resource: jwtApi });
      const answer = await signed.post(
        '/introspection',
        { token: access_token },
        { Accept: 'application/token-introspection+jwt' },
      );
      expect(answer.headers.get('content-type')).to.match(/^application\/token-introspection\+jwt/);
      const told = decodeJwt(answer.body as string).token_introspection;
      expect(told).to.include({ active: true, aud: jwtApi, client_id: signed.clientId, scope: 'read' });
    });

    it('an application sees its own, without a person', async () => {
      const { body } = await app.token({ grant_type: 'client_credentials', resource: jwtApi, scope: 'read' });
      const told = await app.introspect(body.access_token);
      expect(told.body).to.include({ active: true, client_id: app.clientId, aud: jwtApi, scope: 'read' });
      expect(await active(stranger, body.access_token)).to.equal(false);
    });

    it('nobody sees one without proving who they are', async () => {
      const { access_token } = await signIn();
      const answer = await fetch(`${latchkey.issuer}/introspection`, {
        method: 'POST',
        body: new URLSearchParams({ token: access_token, client_id: app.clientId }),
      });
      expect(answer.status).to.equal(401);
    });

    it('what is changed, signed by others or too old is not active', async () => {
      const { access_token } = await signIn();
      const [header = '', payload = '', signature = ''] = access_token.split('.');
      const claims = decodeJwt(access_token);
      const write = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const { privateKey } = await generateKeyPair('ES256');
      const forged = await new SignJWT(claims)
        .setProtectedHeader({ ...decodeProtectedHeader(access_token), alg: 'ES256' })
        .sign(privateKey);
      const bad = [
        `${header}.${write({ ...claims, scope: 'read write' })}.${signature}`,
        `${header}.${payload}.${signature.slice(0, -4)}AAAA`,
        `${write({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
        `${write({ ...decodeProtectedHeader(access_token), kid: 'other' })}.${payload}.${signature}`,
        `${header}.~.${signature}`,
        forged,
      ];
      for (const token of bad) {
        const { status, body } = await app.introspect(token);
        expect({ status, body }, token).to.satisfy(
          (answer: { status: number; body: { active?: boolean; error?: string } }) =>
            answer.body.active === false || answer.body.error === 'unsupported_token_type',
        );
      }
    });

    it('somebody disabled, and a client that is gone, have none that is active', async () => {
      const gone = await Application.register(latchkey);
      const person = { login: 'grace@example.com', password: 'a quiet harbour at dusk' };
      const { sub } = await latchkey.createPerson(person.login, person.password);
      const parameters = { scope: 'openid read', resource: jwtApi };
      const one = await gone.signIn(undefined, parameters, person);
      expect(await active(jwtApiItself, one.access_token)).to.equal(true);
      await latchkey.json(['clients', 'delete', gone.clientId]);
      expect(await active(jwtApiItself, one.access_token)).to.equal(false);
      const two = await app.signIn(undefined, parameters, person);
      expect(await active(jwtApiItself, two.access_token)).to.equal(true);
      await latchkey.json(['users', 'disable', sub]);
      expect(await active(jwtApiItself, two.access_token)).to.equal(false);
    });

    it('an ID token is not answered for, and what nobody could take back is not called revoked', async () => {
      const tokens = await signIn();
      for (const answer of [
        await app.introspect(tokens.id_token),
        await app.revoke(tokens.id_token),
        await app.revoke(tokens.access_token),
      ]) {
        expect(answer.status).to.equal(400);
        expect(answer.body.error).to.equal('unsupported_token_type');
      }
      expect(decodeJwt(tokens.access_token)).not.to.have.property('status');
    });
  });

  async function expectDead(
    application: Application,
    tokens: Pick<Tokens, 'access_token' | 'refresh_token'>,
  ) {
    expect((await application.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await application.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
    expect(await active(application, tokens.refresh_token)).to.equal(false);
  }

  it('revoking either token of a grant ends both, RFC 7009 §2.1', async () => {
    for (const kind of ['access_token', 'refresh_token'] as const) {
      for (const application of [app, spa]) {
        const tokens = await application.signIn();
        const answer = await application.revoke(tokens[kind]);
        expect(answer.status, kind).to.equal(200);
        await expectDead(application, tokens);
      }
    }
  });

  it('revoking keeps the consent and the session', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const tokens = await app.signIn(browser);
    await app.revoke(tokens.refresh_token);
    const silent = await app.authorize(browser, { prompt: 'none' });
    expect((await app.redeem(silent)).status).to.equal(200);
  });

  it('a wrong hint finds the token all the same, an unknown token is no error', async () => {
    const tokens = await app.signIn();
    const hinted = await app.post('/token/revocation', {
      token: tokens.refresh_token,
      token_type_hint: 'access_token',
    });
    expect(hinted.status).to.equal(200);
    await expectDead(app, tokens);
    expect((await app.revoke('no-such-token')).status).to.equal(200);
    expect((await app.post('/token/revocation', {})).body.error).to.equal('invalid_request');
  });

  it('nobody revokes another client’s tokens', async () => {
    const tokens = await app.signIn(undefined, { scope: 'openid read', resource: API });
    for (const other of [stranger, spa, api]) {
      await other.revoke(tokens.access_token);
      await other.revoke(tokens.refresh_token);
    }
    expect(await active(app, tokens.access_token)).to.equal(true);
    expect((await app.refresh(tokens.refresh_token)).status).to.equal(200);
  });

  it('a client revokes a token of its own, without a person', async () => {
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    const other = await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
    await app.revoke(body.access_token);
    expect(await active(api, body.access_token)).to.equal(false);
    expect(await active(api, other.body.access_token)).to.equal(true);
  });
});
