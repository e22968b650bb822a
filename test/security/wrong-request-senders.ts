import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import type { LatchkeyProcess } from '../flows/latchkey-process.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
export const WRONG_API = 'https://api.example.com';

type Parameters = Record<string, string>;

/** What a request got wrong, the error that it is answered with, the cause that the operator is told, and how it is sent. */
export type WrongRow = [what: string, error: string, cause: string, send: () => Promise<Response>];

export const now = () => Math.floor(Date.now() / 1000);

/** What wrong requests are made with. */
export type WrongRequestSenders = Awaited<ReturnType<typeof wrongRequestSenders>>;

/** Registers what the wrong requests need, and answers how each kind is sent; `secrets` are those that they come to hold. */
export async function wrongRequestSenders(latchkey: LatchkeyProcess) {
  const { issuer } = latchkey;
  const keys = await generateKeyPair('ES256', { extractable: true });
  const jwks = { keys: [await exportJWK(keys.publicKey)] };
  await latchkey.createPerson(ADA.login, ADA.password);
  await latchkey.json(['apis', 'create', '--identifier', WRONG_API, '--scopes', 'read']);
  const grant_types = ['authorization_code', 'refresh_token', 'client_credentials'];
  const app = await Application.register(latchkey, {
    client_id: 'app',
    grant_types,
    scope: 'openid email offline_access read',
  });
  const other = await Application.register(latchkey, { client_id: 'other' });
  const pushing = await Application.register(latchkey, {
    client_id: 'pushing',
    require_pushed_authorization_requests: true,
  });
  const signing = await Application.register(latchkey, {
    client_id: 'signing',
    jwks,
    require_signed_request_object: true,
  });
  const bound = await Application.register(latchkey, {
    client_id: 'bound',
    grant_types,
    dpop_bound_access_tokens: true,
  });
  await Application.register(latchkey, {
    client_id: 'keyed',
    redirect_uris: [],
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks,
  });
  const secrets = [ADA.password, ADA.login, ...[app, other, bound].map(({ secret }) => secret ?? '')];
  const browser = new FormBrowser(issuer);
  await app.signIn(browser, { prompt: 'consent', scope: 'openid email offline_access' });

  const to = (path: string) => new URL(path, issuer);
  const page = { Accept: 'text/html' };
  const authorize = (parameters: Parameters, by = app) =>
    fetch(by.authorizationRequest(parameters).url, { redirect: 'manual', headers: page });
  const post = (path: string, form: Parameters | URLSearchParams, headers: Parameters = {}) =>
    fetch(to(path), {
      method: 'POST',
      body: new URLSearchParams(form),
      headers: { Accept: 'application/json', ...headers },
    });
  const basic = (by: Application, secret = by.secret) => ({
    Authorization: `Basic ${Buffer.from(`${by.clientId}:${secret}`).toString('base64')}`,
  });
  const token = (form: Parameters, by = app, headers: Parameters = {}) =>
    by.secret === undefined
      ? post('/token', { client_id: by.clientId, ...form }, headers)
      : post('/token', form, { ...basic(by), ...headers });
  const own = { grant_type: 'client_credentials', resource: WRONG_API };
  const code = async () => {
    const { url, verifier } = app.authorizationRequest();
    const landing = await browser.authorize(url, ADA);
    const issued = landing.url.searchParams.get('code') ?? '';
    secrets.push(issued, verifier);
    return {
      grant_type: 'authorization_code',
      redirect_uri: app.redirectUri,
      code: issued,
      code_verifier: verifier,
    };
  };
  const tokens = async (scope = 'openid email offline_access') => {
    const issued = await app.signIn(browser, { scope, prompt: 'consent' });
    secrets.push(issued.refresh_token, issued.access_token, issued.id_token);
    return issued;
  };
  const assertion = (
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key: CryptoKey = keys.privateKey,
  ) =>
    new SignJWT({ iss: 'keyed', sub: 'keyed', aud: issuer, jti: randomUUID(), exp: now() + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256', ...header })
      .sign(key);
  const asserting = async (client_assertion: string | Promise<string>, more: Parameters = {}) =>
    post('/token', {
      ...own,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await client_assertion,
      ...more,
    });
  const requestObject = (
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key: CryptoKey = keys.privateKey,
  ) =>
    new SignJWT({
      ...signing.authorizationRequest().url.searchParams,
      client_id: 'signing',
      response_type: 'code',
      redirect_uri: signing.redirectUri,
      scope: 'openid',
      iss: 'signing',
      aud: issuer,
      exp: now() + 60,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', ...header })
      .sign(key);
  const objecting = async (request: string | Promise<string>) =>
    authorize({ request: await request }, signing);
  const publicJwk = await exportJWK(keys.publicKey);
  const proof = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}) =>
    new SignJWT({ htu: `${issuer}/token`, htm: 'POST', jti: randomUUID(), iat: now(), ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicJwk, ...header })
      .sign(keys.privateKey);
  const proving = async (dpop: string | Promise<string>) => token(own, bound, { DPoP: await dpop });
  const twice = async (send: () => Promise<Response>) => {
    await send();
    return send();
  };
  const me = (headers: Parameters, query = '') =>
    fetch(`${to('/me').href}${query}`, { headers: { Accept: 'application/json', ...headers } });
  return {
    app,
    other,
    pushing,
    signing,
    bound,
    page,
    to,
    authorize,
    post,
    basic,
    token,
    own,
    code,
    tokens,
    assertion,
    asserting,
    requestObject,
    objecting,
    proof,
    proving,
    twice,
    me,
    issuer,
    secrets,
  };
}
