import { expect } from 'chai';
import { decodeProtectedHeader } from 'jose';
import * as client from 'openid-client';
import { ADA } from './application.ts';
import {
  AUTHENTICATION_METHODS,
  type AuthenticationMethod,
  LOGGED_OUT_URI,
  REDIRECT_URI,
  type RegisteredApplication,
  registerApplication,
} from './authentication-methods.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';
const OPAQUE_API = 'https://opaque.example.com/v1';

function authentication({ method, clientSecret, privateKey }: RegisteredApplication): client.ClientAuth {
  if (method === 'client_secret_basic') return client.ClientSecretBasic(clientSecret);
  if (method === 'client_secret_post') return client.ClientSecretPost(clientSecret);
  if (method === 'client_secret_jwt') return client.ClientSecretJwt(clientSecret);
  return privateKey === undefined ? client.None() : client.PrivateKeyJwt(privateKey);
}

/** What the library rejected with: the error code of the protocol. */
async function errorOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof client.WWWAuthenticateChallengeError) {
      return error.cause[0]?.parameters.error ?? 'a challenge without an error';
    }
    return String((error as client.ResponseBodyError).error ?? error);
  }
  return 'none';
}

describe('openid-client', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  const applications = new Map<AuthenticationMethod, RegisteredApplication>();

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,write']),
      latchkey.json([
        'apis',
        'create',
        '--identifier',
        OPAQUE_API,
        '--scopes',
        'read',
        '--token-format',
        'opaque',
      ]),
      ...AUTHENTICATION_METHODS.map(async (method) => {
        applications.set(method, await registerApplication(latchkey, method));
      }),
    ]);
  });
  after(() => latchkey.stop());

  async function configure(
    method: AuthenticationMethod,
    algorithm: 'oidc' | 'oauth2' = 'oidc',
  ): Promise<client.Configuration> {
    const application = applications.get(method) as RegisteredApplication;
    const metadata = { client_secret: application.clientSecret };
    return client.discovery(
      new URL(latchkey.issuer),
      application.clientId,
      application.method === 'none' ? undefined : metadata,
      authentication(application),
      { algorithm, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
    );
  }

  async function codeFlow(
    config: client.Configuration,
    parameters: Record<string, string> = {},
    options: { browser?: FormBrowser; dpop?: client.DPoPHandle; par?: boolean } = {},
  ) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const expectedState = client.randomState();
    const expectedNonce = client.randomNonce();
    const all = {
      redirect_uri: REDIRECT_URI,
      scope: 'openid email profile',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      ...parameters,
    };
    const dpop = options.dpop === undefined ? {} : { DPoP: options.dpop };
    const url = options.par
      ? await client.buildAuthorizationUrlWithPAR(config, all, dpop)
      : client.buildAuthorizationUrl(config, all);
    const landing = await (options.browser ?? new FormBrowser(latchkey.issuer)).authorize(url, ADA);
    const tokens = await client.authorizationCodeGrant(
      config,
      landing.url,
      { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true },
      undefined,
      dpop,
    );
    return { tokens, landing, claims: tokens.claims() as client.IDToken };
  }

  for (const method of AUTHENTICATION_METHODS) {
    it(`${method}: code with PKCE, userinfo, refresh with rotation, revocation`, async () => {
      const config = await configure(method);
      const { tokens, claims, landing } = await codeFlow(config);
      expect(landing.url.searchParams.get('iss')).to.equal(latchkey.issuer);
      expect(tokens).to.include({ token_type: 'bearer', scope: 'openid email profile' });
      const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      expect(person).to.include({ email: ADA.login, email_verified: false, name: 'Ada Lovelace' });

      const next = await client.refreshTokenGrant(config, tokens.refresh_token as string);
      expect(next.refresh_token).to.be.a('string').and.not.equal(tokens.refresh_token);
      expect(next.claims()).to.include({ sub: claims.sub, aud: config.clientMetadata().client_id });
      await client.fetchUserInfo(config, next.access_token, claims.sub);

      await client.tokenRevocation(config, next.refresh_token as string);
      expect(await errorOf(client.refreshTokenGrant(config, next.refresh_token as string))).to.equal(
        'invalid_grant',
      );
    });

    if (method !== 'none') {
      it(`${method}: introspection, client credentials for a JWT and an opaque API, PAR`, async () => {
        const config = await configure(method, 'oauth2');
        const jwt = await client.clientCredentialsGrant(config, { resource: API, scope: 'read' });
        expect(jwt.scope).to.equal('read');
        expect(decodeProtectedHeader(jwt.access_token)).to.include({ typ: 'at+jwt', alg: 'ES256' });
        expect(jwt).to.not.have.property('refresh_token');

        const opaque = await client.clientCredentialsGrant(config, { resource: OPAQUE_API, scope: 'read' });
        expect(opaque.access_token).to.match(/^[\w-]{48}$/);
        expect(await client.tokenIntrospection(config, opaque.access_token)).to.deep.include({
          active: true,
          aud: OPAQUE_API,
          scope: 'read',
          client_id: config.clientMetadata().client_id,
          token_type: 'Bearer',
        });

        const { tokens } = await codeFlow(config, {}, { par: true });
        expect(tokens.id_token).to.be.a('string');
      });
    }
  }

  it('a secret that is not the right one is invalid_client', async () => {
    const { clientId } = applications.get('client_secret_basic') as RegisteredApplication;
    const config = await client.discovery(
      new URL(latchkey.issuer),
      clientId,
      undefined,
      client.ClientSecretBasic('not-the-secret'),
      { execute: [client.allowInsecureRequests] },
    );
    expect(await errorOf(client.clientCredentialsGrant(config))).to.equal('invalid_client');
  });

  it('DPoP: a bound code flow, its refresh and its userinfo; the bare token is worth nothing', async () => {
    for (const method of ['none', 'client_secret_basic'] as const) {
      const config = await configure(method);
      const dpop = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
      const jkt = await dpop.calculateThumbprint();
      const { tokens, claims } = await codeFlow(config, { dpop_jkt: jkt }, { dpop });
      expect(tokens.token_type).to.equal('dpop');
      await client.fetchUserInfo(config, tokens.access_token, claims.sub, { DPoP: dpop });
      expect(await errorOf(client.fetchUserInfo(config, tokens.access_token, claims.sub))).to.equal(
        'invalid_token',
      );
      const next = await client.refreshTokenGrant(config, tokens.refresh_token as string, undefined, {
        DPoP: dpop,
      });
      expect(next.token_type).to.equal('dpop');
      const thief = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
      const stolen = client.refreshTokenGrant(config, next.refresh_token as string, undefined, {
        DPoP: thief,
      });
      // RFC 9449 §5: the refresh token of a confidential client is bound to the client, not to the key.
      expect(await errorOf(stolen)).to.equal(method === 'none' ? 'invalid_grant' : 'none');
    }
  });

  it('form_post: the answer comes as a form', async () => {
    const config = await configure('client_secret_post');
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      response_mode: 'form_post',
      state: '"><b>',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    });
    const { status, page } = await new FormBrowser(latchkey.issuer).authorize(url, ADA);
    expect(status).to.equal(200);
    expect(page).to.contain(`action="${REDIRECT_URI}"`).and.contain('&quot;&gt;&lt;b&gt;');
    const fields = [...page.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(
      ([, name, value]) => [String(name), name === 'state' ? '"><b>' : String(value)] as [string, string],
    );
    const request = new Request(REDIRECT_URI, { method: 'POST', body: new URLSearchParams(fields) });
    const tokens = await client.authorizationCodeGrant(config, request, {
      pkceCodeVerifier,
      expectedState: '"><b>',
    });
    expect(tokens.access_token).to.be.a('string');
  });

  it('RP-initiated logout: asks, ends the session and the tokens that went with it, and answers with state', async () => {
    const config = await configure('client_secret_basic');
    const browser = new FormBrowser(latchkey.issuer);
    const { tokens, claims } = await codeFlow(config, {}, { browser });
    const url = client.buildEndSessionUrl(config, {
      id_token_hint: tokens.id_token as string,
      post_logout_redirect_uri: LOGGED_OUT_URI,
      state: 'logged-out-state',
    });
    const page = await browser.visit(url);
    expect(page.pageName).to.equal('logout');
    expect(page.page).to.contain(ADA.login);
    const landing = await browser.submit(page, 'confirm');
    expect(landing.url.href).to.equal(`${LOGGED_OUT_URI}?state=logged-out-state`);
    const silent = client.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      prompt: 'none',
      code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
      code_challenge_method: 'S256',
    });
    expect((await browser.visit(silent)).url.searchParams.get('error')).to.equal('login_required');
    expect(await errorOf(client.refreshTokenGrant(config, tokens.refresh_token as string))).to.equal(
      'invalid_grant',
    );
    expect(await errorOf(client.fetchUserInfo(config, tokens.access_token, claims.sub))).to.equal(
      'invalid_token',
    );
  });

  it('RP-initiated logout never sends anybody to an address that is not registered', async () => {
    const config = await configure('client_secret_basic');
    const browser = new FormBrowser(latchkey.issuer);
    const { tokens } = await codeFlow(config, {}, { browser });
    for (const hint of [{ id_token_hint: tokens.id_token as string }, {}] as Record<string, string>[]) {
      const url = client.buildEndSessionUrl(config, {
        ...hint,
        post_logout_redirect_uri: 'https://attacker.example/',
      });
      const page = await browser.visit(url);
      expect(page.status, JSON.stringify(Object.keys(hint))).to.equal(400);
      expect(page.pageName).to.equal('error');
    }
  });
});
