import { expect } from 'chai';
import * as oauth from 'oauth4webapi';
import { ADA } from './application.ts';
import {
  AUTHENTICATION_METHODS,
  type AuthenticationMethod,
  REDIRECT_URI,
  type RegisteredApplication,
  registerApplication,
} from './authentication-methods.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';
const insecure = { [oauth.allowInsecureRequests]: true };

function authentication({ method, clientSecret, privateKey }: RegisteredApplication): oauth.ClientAuth {
  if (method === 'client_secret_basic') return oauth.ClientSecretBasic(clientSecret);
  if (method === 'client_secret_post') return oauth.ClientSecretPost(clientSecret);
  if (method === 'client_secret_jwt') return oauth.ClientSecretJwt(clientSecret);
  return privateKey === undefined ? oauth.None() : oauth.PrivateKeyJwt(privateKey);
}

/** One application as this library sees it, and what it does in a full round. */
class RelyingParty {
  readonly server: oauth.AuthorizationServer;
  readonly client: oauth.Client;
  readonly auth: oauth.ClientAuth;

  constructor(server: oauth.AuthorizationServer, application: RegisteredApplication) {
    this.server = server;
    this.client = { client_id: application.clientId };
    this.auth = authentication(application);
  }

  async codeFlow(
    browser: FormBrowser,
    parameters: Record<string, string> = {},
    options: { DPoP?: oauth.DPoPHandle; par?: boolean } = {},
  ): Promise<oauth.TokenEndpointResponse> {
    const { server, client, auth } = this;
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const nonce = oauth.generateRandomNonce();
    const all = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: REDIRECT_URI,
      response_type: 'code',
      scope: 'openid profile',
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...parameters,
    });
    const url = new URL(server.authorization_endpoint as string);
    const dpop = options.DPoP === undefined ? {} : { DPoP: options.DPoP };
    if (options.par) {
      const pushed = await oauth.pushedAuthorizationRequest(server, client, auth, all, {
        ...insecure,
        ...dpop,
      });
      const { request_uri } = await oauth.processPushedAuthorizationResponse(server, client, pushed);
      url.search = new URLSearchParams({ client_id: client.client_id, request_uri }).toString();
    } else url.search = all.toString();
    const landing = await browser.authorize(url, ADA);
    const answer = oauth.validateAuthResponse(server, client, landing.url, state);
    const request = { ...insecure, ...dpop };
    const response = await oauth.authorizationCodeGrantRequest(
      server,
      client,
      auth,
      answer,
      REDIRECT_URI,
      verifier,
      request,
    );
    const tokens = await oauth.processAuthorizationCodeResponse(server, client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
      ...(parameters.max_age === undefined ? {} : { maxAge: Number(parameters.max_age) }),
    });
    await oauth.validateApplicationLevelSignature(server, response, insecure);
    return tokens;
  }

  async refresh(token: string | undefined, DPoP?: oauth.DPoPHandle): Promise<oauth.TokenEndpointResponse> {
    const request = { ...insecure, ...(DPoP === undefined ? {} : { DPoP }) };
    const response = await oauth.refreshTokenGrantRequest(
      this.server,
      this.client,
      this.auth,
      String(token),
      request,
    );
    return oauth.processRefreshTokenResponse(this.server, this.client, response);
  }

  /** With the access token of `tokens`, or a later one of the same person. */
  async userinfo(
    tokens: oauth.TokenEndpointResponse,
    options: { DPoP?: oauth.DPoPHandle; accessToken?: string } = {},
  ): Promise<oauth.UserInfoResponse> {
    const { accessToken = tokens.access_token, ...rest } = options;
    const request = { ...insecure, ...rest };
    const response = await oauth.userInfoRequest(this.server, this.client, accessToken, request);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens) as oauth.IDToken;
    return oauth.processUserInfoResponse(this.server, this.client, sub, response);
  }
}

describe('oauth4webapi', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let server: oauth.AuthorizationServer;
  const applications = new Map<AuthenticationMethod, RegisteredApplication>();

  async function discover(algorithm: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer> {
    const issuer = new URL(latchkey.issuer);
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure });
    return oauth.processDiscoveryResponse(issuer, response);
  }

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,write']),
      ...AUTHENTICATION_METHODS.map(async (method) => {
        applications.set(method, await registerApplication(latchkey, method));
      }),
    ]);
    server = await discover('oidc');
  });
  after(() => latchkey.stop());

  const party = (method: AuthenticationMethod) =>
    new RelyingParty(server, applications.get(method) as RegisteredApplication);

  it('finds the same server by both well-known paths', async () => {
    expect(await discover('oauth2')).to.deep.equal(server);
  });

  for (const method of AUTHENTICATION_METHODS) {
    it(`${method}: code with PKCE, userinfo, refresh, revocation`, async () => {
      const app = party(method);
      const browser = new FormBrowser(latchkey.issuer);
      const tokens = await app.codeFlow(browser, { max_age: '300' });
      expect(oauth.getValidatedIdTokenClaims(tokens)?.auth_time).to.be.a('number');
      expect(await app.userinfo(tokens))
        .to.include({ name: 'Ada Lovelace' })
        .and.not.have.property('email');
      const next = await app.refresh(tokens.refresh_token);
      await app.userinfo(tokens, { accessToken: next.access_token });
      const revoked = await oauth.revocationRequest(
        app.server,
        app.client,
        app.auth,
        next.access_token,
        insecure,
      );
      await oauth.processRevocationResponse(revoked);
      const refused = await app.userinfo(tokens, { accessToken: next.access_token }).catch((error) => error);
      expect(refused).to.be.instanceOf(oauth.WWWAuthenticateChallengeError);
    });
  }

  it('userinfo takes the token in a POST body, and answers alike', async () => {
    const app = party('client_secret_basic');
    const tokens = await app.codeFlow(new FormBrowser(latchkey.issuer));
    const response = await fetch(server.userinfo_endpoint as string, {
      method: 'POST',
      body: new URLSearchParams({ access_token: tokens.access_token }),
    });
    expect(await response.json()).to.deep.equal(await app.userinfo(tokens));
    const inQuery = await fetch(`${server.userinfo_endpoint}?access_token=${tokens.access_token}`);
    expect(inQuery.status).to.equal(400);
  });

  it('PAR by every kind of application', async () => {
    for (const method of AUTHENTICATION_METHODS) {
      const tokens = await party(method).codeFlow(new FormBrowser(latchkey.issuer), {}, { par: true });
      expect(tokens.id_token, method).to.be.a('string');
    }
  });

  it('DPoP: bound from PAR to refresh, and at userinfo', async () => {
    const app = party('none');
    const DPoP = oauth.DPoP(app.client, await oauth.generateKeyPair('ES256'));
    const tokens = await app.codeFlow(new FormBrowser(latchkey.issuer), {}, { DPoP, par: true });
    expect(tokens.token_type).to.equal('dpop');
    await app.userinfo(tokens, { DPoP });
    const next = await app.refresh(tokens.refresh_token, DPoP);
    expect(next.token_type).to.equal('dpop');
    const bare = await app.refresh(next.refresh_token).catch((error: oauth.ResponseBodyError) => error.error);
    expect(bare).to.equal('invalid_grant');
  });

  it('an API of its own: the token passes the library’s RFC 9068 checks, and no other API’s', async () => {
    const app = party('private_key_jwt');
    const tokens = await app.codeFlow(new FormBrowser(latchkey.issuer), {
      scope: 'openid read',
      resource: API,
    });
    const request = new Request(API, { headers: { Authorization: `Bearer ${tokens.access_token}` } });
    const claims = await oauth.validateJwtAccessToken(server, request, API, {
      ...insecure,
      signingAlgorithms: ['ES256'],
    });
    expect(claims).to.include({ scope: 'read', client_id: app.client.client_id });
    const elsewhere = await oauth
      .validateJwtAccessToken(server, request, 'https://other.example.com', {
        ...insecure,
        signingAlgorithms: ['ES256'],
      })
      .catch(() => 'refused');
    expect(elsewhere).to.equal('refused');
    const next = await app.refresh(tokens.refresh_token);
    expect(next.access_token.split('.')).to.have.length(3);
  });

  it('introspection of an own token', async () => {
    const app = party('client_secret_jwt');
    const tokens = await app.codeFlow(new FormBrowser(latchkey.issuer));
    const response = await oauth.introspectionRequest(
      app.server,
      app.client,
      app.auth,
      tokens.refresh_token as string,
      insecure,
    );
    const told = await oauth.processIntrospectionResponse(app.server, app.client, response);
    expect(told).to.include({ active: true, client_id: app.client.client_id, iss: latchkey.issuer });
  });
});
