import type { AuthorizationError, AuthorizationRequest, TokenResponse } from '@openid/appauth';
import { expect } from 'chai';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { ADA } from '../flows/application.ts';
import { freePort, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { prepareAppAuth } from './appauth-modules.ts';
import { type Answers, Visitor } from './visitor.ts';

/** What the listener of the library was told. */
interface Told {
  request: AuthorizationRequest;
  response: { code: string; state: string } | null;
  error: AuthorizationError | null;
}

describe('AppAuth for JavaScript, as a native application', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let appauth: typeof import('@openid/appauth');
  let node: typeof import('@openid/appauth/built/src/node_support/index.js');
  let clientId: string;
  let browse: (address: string) => void = () => {};
  let undo: () => void;

  before(async () => {
    undo = prepareAppAuth((address) => browse(address));
    appauth = await import('@openid/appauth');
    // It would print codes and verifiers.
    appauth.setFlag('IS_LOG', false);
    node = await import('@openid/appauth/built/src/node_support/index.js');
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    const client = await latchkey.createClient({
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback'],
      grant_types: ['authorization_code', 'refresh_token'],
    });
    clientId = client.client_id;
  });
  after(async () => {
    undo();
    await latchkey.stop();
  });

  const requestor = () => new node.NodeRequestor();
  const configuration = () =>
    appauth.AuthorizationServiceConfiguration.fetchFromIssuer(latchkey.issuer, requestor());

  /** Has the library listen on loopback and open the browser, where somebody answers the pages. */
  async function authorize(answers: Partial<Answers> = {}) {
    const port = await freePort();
    const redirectUri = `http://127.0.0.1:${port}/callback`;
    const handler = new node.NodeBasedHandler(port);
    const notifier = new appauth.AuthorizationNotifier();
    handler.setAuthorizationNotifier(notifier);
    const told = new Promise<Told>((resolve) => {
      notifier.setAuthorizationListener((request, response, error) => resolve({ request, response, error }));
    });
    const visited = new Promise<string[]>((resolve, reject) => {
      browse = (address) => {
        const visitor = new Visitor(redirectUri, latchkey.issuer, { ...ADA, ...answers });
        visitor.visit(address).then(({ pages }) => resolve(pages), reject);
      };
    });
    const request = new appauth.AuthorizationRequest(
      {
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: 'openid profile email offline_access',
        response_type: 'code',
        extras: { nonce: 'of-this-request' },
      },
      new node.NodeCrypto(),
    );
    handler.performAuthorizationRequest(await configuration(), request);
    const pages = await visited;
    return { pages, redirectUri, ...(await told) };
  }

  async function redeem(
    { request, response, redirectUri }: Awaited<ReturnType<typeof authorize>>,
    verifier: string | undefined = request.internal.code_verifier,
  ): Promise<TokenResponse> {
    return new appauth.BaseTokenRequestHandler(requestor()).performTokenRequest(
      await configuration(),
      new appauth.TokenRequest({
        client_id: clientId,
        redirect_uri: redirectUri,
        grant_type: 'authorization_code',
        code: response?.code,
        extras: { code_verifier: String(verifier) },
      }),
    );
  }

  const refresh = async (redirectUri: string, refreshToken: string) =>
    new appauth.BaseTokenRequestHandler(requestor()).performTokenRequest(
      await configuration(),
      new appauth.TokenRequest({
        client_id: clientId,
        redirect_uri: redirectUri,
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
      }),
    );

  it('signs in by way of its loopback listener, refreshes, asks userinfo, and revokes', async () => {
    const authorized = await authorize();
    expect(authorized.pages).to.deep.equal(['login', 'consent']);
    expect(authorized.response?.state).to.equal(authorized.request.state);
    const tokens = await redeem(authorized);
    const keys = createRemoteJWKSet(new URL(`${latchkey.issuer}/jwks`));
    const expected = { issuer: latchkey.issuer, audience: clientId, algorithms: ['RS256'] };
    const { payload } = await jwtVerify(tokens.idToken, keys, expected);
    expect(payload).to.include({ nonce: 'of-this-request' });

    const next = await refresh(authorized.redirectUri, tokens.refreshToken);
    expect(next.refreshToken).to.be.a('string').and.not.equal(tokens.refreshToken);
    const { userInfoEndpoint } = await configuration();
    const headers = { Authorization: `Bearer ${next.accessToken}` };
    const person = (await (await fetch(userInfoEndpoint, { headers })).json()) as object;
    expect(person).to.include({ sub: payload.sub, email: ADA.login, name: 'Ada Lovelace' });

    const request = new appauth.RevokeTokenRequest({ token: next.refreshToken, client_id: clientId });
    const handler = new appauth.BaseTokenRequestHandler(requestor());
    expect(await handler.performRevokeTokenRequest(await configuration(), request)).to.equal(true);
    const refused = await refresh(authorized.redirectUri, next.refreshToken).catch((error) => error);
    expect(refused).to.include({ message: 'Bad Request' });
  });

  it('tells its listener when the person did not allow it', async () => {
    const { pages, request, response, error } = await authorize({ consent: 'deny' });
    expect(pages).to.deep.equal(['login', 'consent']);
    expect(response).to.equal(null);
    expect(error).to.include({ error: 'access_denied', state: request.state });
  });

  it('rejects where the code is redeemed without what it was asked for with', async () => {
    const refused = await redeem(await authorize(), 'x'.repeat(43)).catch((error) => error);
    expect(refused).to.include({ message: 'Bad Request' });
  });
});
