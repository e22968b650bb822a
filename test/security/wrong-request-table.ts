import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import type { LatchkeyProcess } from '../flows/latchkey-process.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const WRONG_API = 'https://api.example.com';

type Parameters = Record<string, string>;

/** A request that somebody got wrong: its name, how it is sent, the error it is answered with, and the cause that the operator is told. */
export interface WrongRequest {
  what: string;
  send: () => Promise<Response>;
  error: string;
  cause: string;
}

const now = () => Math.floor(Date.now() / 1000);

/** Registers what the wrong requests need. Answers them, each ready to be sent, and the secrets that they come to hold. */
export async function wrongRequests(
  latchkey: LatchkeyProcess,
): Promise<{ requests: WrongRequest[]; secrets: string[] }> {
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

  const rows: [what: string, error: string, cause: string, send: () => Promise<Response>][] = [
    ['no client_id', 'invalid_request', 'client_id_missing', () => authorize({ client_id: '' })],
    ['an unknown client', 'invalid_client', 'client_unknown', () => authorize({ client_id: 'nobody' })],
    ['no response_type', 'invalid_request', 'response_type_missing', () => authorize({ response_type: '' })],
    [
      'an unknown response_type',
      'unsupported_response_type',
      'response_type_not_registered',
      () => authorize({ response_type: 'token' }),
    ],
    ['no redirect_uri', 'invalid_request', 'redirect_uri_missing', () => authorize({ redirect_uri: '' })],
    [
      'a redirect_uri that is not registered',
      'invalid_redirect_uri',
      'redirect_uri_not_registered',
      () => authorize({ redirect_uri: 'http://localhost:9/other' }),
    ],
    [
      'no PKCE',
      'invalid_request',
      'pkce_missing',
      () => authorize({ code_challenge: '', code_challenge_method: '' }),
    ],
    [
      'plain PKCE',
      'invalid_request',
      'pkce_method_unsupported',
      () => authorize({ code_challenge_method: 'plain' }),
    ],
    [
      'PKCE without its method',
      'invalid_request',
      'pkce_method_missing',
      () => authorize({ code_challenge_method: '' }),
    ],
    [
      'a malformed challenge',
      'invalid_request',
      'pkce_challenge_malformed',
      () => authorize({ code_challenge: 'short' }),
    ],
    [
      'an unknown response_mode',
      'unsupported_response_mode',
      'response_mode_unknown',
      () => authorize({ response_mode: 'pigeon' }),
    ],
    [
      'a response_mode that is not registered',
      'invalid_request',
      'response_mode_not_registered',
      () => authorize({ response_mode: 'form_post' }),
    ],
    [
      'a repeated parameter',
      'invalid_request',
      'parameter_repeated',
      async () => {
        const { url } = app.authorizationRequest();
        url.searchParams.append('scope', 'email');
        return fetch(url, { redirect: 'manual', headers: page });
      },
    ],
    [
      'prompt none with another',
      'invalid_request',
      'prompt_none_with_others',
      () => authorize({ prompt: 'none login' }),
    ],
    ['an unknown prompt', 'invalid_request', 'prompt_unknown', () => authorize({ prompt: 'please' })],
    ['a max_age that is none', 'invalid_request', 'max_age_malformed', () => authorize({ max_age: '-1' })],
    [
      'an id_token_hint that is none',
      'invalid_request',
      'id_token_hint_invalid',
      () => authorize({ id_token_hint: 'nonsense' }),
    ],
    [
      'a scope that is not registered',
      'invalid_scope',
      'scope_not_registered',
      () => authorize({ scope: 'openid phone' }),
    ],
    ['a malformed scope', 'invalid_scope', 'scope_malformed', () => authorize({ scope: 'openid "all"' })],
    [
      'an unknown resource',
      'invalid_target',
      'resource_unknown',
      () => authorize({ resource: 'https://nowhere.example' }),
    ],
    [
      'a resource that is no URI',
      'invalid_target',
      'resource_malformed',
      () => authorize({ resource: 'api' }),
    ],
    [
      'a resource with a fragment',
      'invalid_target',
      'resource_with_fragment',
      () => authorize({ resource: `${WRONG_API}/#x` }),
    ],
    ['claims that are no JSON', 'invalid_request', 'claims_malformed', () => authorize({ claims: '{' })],
    [
      'claims of another shape',
      'invalid_request',
      'claims_misshapen',
      () => authorize({ claims: '{"userinfo":"all"}' }),
    ],
    [
      'registration in a request',
      'registration_not_supported',
      'registration_in_request',
      () => authorize({ registration: '{}' }),
    ],
    [
      'a request to be fetched',
      'request_uri_not_supported',
      'request_uri_not_pushed',
      () => authorize({ request_uri: 'https://app.example/r' }),
    ],
    [
      'a request that was never pushed',
      'invalid_request_uri',
      'request_uri_unknown',
      () => authorize({ request_uri: 'urn:ietf:params:oauth:request_uri:nothing' }),
    ],
    [
      'a request and its address',
      'invalid_request',
      'request_and_request_uri',
      () => authorize({ request: 'a.b.c', request_uri: 'urn:ietf:params:oauth:request_uri:x' }),
    ],
    ['a request that is not pushed', 'invalid_request', 'request_not_pushed', () => authorize({}, pushing)],
    ['a request that is not signed', 'invalid_request', 'request_not_signed', () => authorize({}, signing)],
    [
      'a request object that is no JWT',
      'invalid_request_object',
      'request_object_malformed',
      () => objecting('nonsense'),
    ],
    [
      'a request object signed by nobody',
      'invalid_request_object',
      'request_object_algorithm',
      () => objecting('eyJhbGciOiJub25lIn0.e30.'),
    ],
    [
      'a request object without an end',
      'invalid_request_object',
      'request_object_claim_missing',
      () => objecting(requestObject({ exp: undefined })),
    ],
    [
      'a request object for another provider',
      'invalid_request_object',
      'request_object_claims',
      () => objecting(requestObject({ aud: 'https://other.example' })),
    ],
    [
      'a request object that is over',
      'invalid_request_object',
      'request_object_expired',
      () => objecting(requestObject({ exp: now() - 60 })),
    ],
    [
      'a request object of another type',
      'invalid_request_object',
      'request_object_type',
      () => objecting(requestObject({}, { typ: 'logout+jwt' })),
    ],
    [
      'a request object by another key',
      'invalid_request_object',
      'request_object_signature',
      async () => objecting(requestObject({}, {}, (await generateKeyPair('ES256')).privateKey)),
    ],
    [
      'a pushed request with an address',
      'request_uri_not_supported',
      'request_uri_not_pushed',
      () => post('/request', { request_uri: 'urn:x' }, basic(app)),
    ],
    [
      'a pushed request to go elsewhere',
      'invalid_request',
      'redirect_uri_not_registered',
      () =>
        post(
          '/request',
          {
            ...Object.fromEntries(
              app.authorizationRequest({ redirect_uri: 'http://localhost:9/other' }).url.searchParams,
            ),
          },
          basic(app),
        ),
    ],
    ['no grant_type', 'invalid_request', 'grant_type_missing', () => token({})],
    [
      'an unknown grant_type',
      'unsupported_grant_type',
      'grant_type_unknown',
      () => token({ grant_type: 'password' }),
    ],
    [
      'a grant_type that is not registered',
      'unauthorized_client',
      'grant_type_not_registered',
      () => token({ grant_type: DEVICE, device_code: 'x' }),
    ],
    ['a wrong secret', 'invalid_client', 'client_secret_wrong', () => token(own, app, basic(app, 'wrong'))],
    [
      'an unknown client at the token endpoint',
      'invalid_client',
      'client_unknown',
      () => post('/token', { ...own, client_id: 'nobody' }),
    ],
    ['no authentication', 'invalid_request', 'authentication_missing', () => post('/token', own)],
    [
      'authentication left out',
      'invalid_client',
      'authentication_method',
      () => post('/token', { ...own, client_id: 'app' }),
    ],
    [
      'authentication twice',
      'invalid_request',
      'authentication_twice',
      () => token({ ...own, client_secret: 'x' }),
    ],
    [
      'an authorization header of another kind',
      'invalid_request',
      'authorization_header_malformed',
      () => post('/token', own, { Authorization: 'Bearer x' }),
    ],
    [
      'an authorization header that is not encoded',
      'invalid_request',
      'authorization_header_malformed',
      () => post('/token', own, { Authorization: 'Basic ***' }),
    ],
    [
      'a secret where a key is registered',
      'invalid_client',
      'authentication_method',
      () => post('/token', { ...own, client_id: 'keyed', client_secret: 'x' }),
    ],
    [
      'a body that is no form',
      'invalid_request',
      'body_not_a_form',
      () =>
        fetch(to('/token'), {
          method: 'POST',
          body: '{}',
          headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...basic(app) },
        }),
    ],
    [
      'an assertion of an unknown type',
      'invalid_request',
      'assertion_type_unknown',
      () => asserting(assertion(), { client_assertion_type: 'saml' }),
    ],
    [
      'an assertion without a type',
      'invalid_request',
      'assertion_type_missing',
      async () => post('/token', { ...own, client_assertion: await assertion() }),
    ],
    [
      'an assertion that is no JWT',
      'invalid_request',
      'client_assertion_malformed',
      () => asserting('nonsense'),
    ],
    [
      'an assertion that is over',
      'invalid_client',
      'client_assertion_expired',
      () => asserting(assertion({ exp: now() - 60 })),
    ],
    [
      'an assertion without an end',
      'invalid_client',
      'client_assertion_without_exp',
      () => asserting(assertion({ exp: undefined })),
    ],
    [
      'an assertion for the token endpoint',
      'invalid_client',
      'client_assertion_audience',
      () => asserting(assertion({ aud: `${issuer}/token` })),
    ],
    [
      'an assertion without a number',
      'invalid_client',
      'client_assertion_without_jti',
      () => asserting(assertion({ jti: undefined })),
    ],
    [
      'an assertion of another issuer',
      'invalid_client',
      'client_assertion_issuer',
      () => asserting(assertion({ iss: 'app' })),
    ],
    [
      'an assertion by another key',
      'invalid_client',
      'client_assertion_signature',
      async () => asserting(assertion({}, {}, (await generateKeyPair('ES256')).privateKey)),
    ],
    [
      'an assertion that was used',
      'invalid_client',
      'client_assertion_used',
      async () => {
        const used = await assertion();
        return twice(() => asserting(used));
      },
    ],
    [
      'no code',
      'invalid_request',
      'code_missing',
      () => token({ grant_type: 'authorization_code', redirect_uri: app.redirectUri }),
    ],
    [
      'an unknown code',
      'invalid_grant',
      'code_unknown',
      async () => token({ ...(await code()), code: 'nonsense' }),
    ],
    [
      'the code of another client',
      'invalid_grant',
      'issued_to_another_client',
      async () => token(await code(), other),
    ],
    [
      'a code at another address',
      'invalid_grant',
      'code_redirect_uri',
      async () => token({ ...(await code()), redirect_uri: 'http://localhost:9/other' }),
    ],
    [
      'a code without its verifier',
      'invalid_grant',
      'verifier_missing',
      async () => {
        const { code_verifier: _left, ...rest } = await code();
        return token(rest);
      },
    ],
    [
      'a code with another verifier',
      'invalid_grant',
      'verifier_mismatch',
      async () => token({ ...(await code()), code_verifier: 'a'.repeat(43) }),
    ],
    [
      'a malformed verifier',
      'invalid_request',
      'verifier_malformed',
      async () => token({ ...(await code()), code_verifier: 'short' }),
    ],
    [
      'a code that was used',
      'invalid_grant',
      'code_used',
      async () => {
        const once = await code();
        return twice(() => token(once));
      },
    ],
    [
      'no refresh token',
      'invalid_request',
      'refresh_token_missing',
      () => token({ grant_type: 'refresh_token' }),
    ],
    [
      'an unknown refresh token',
      'invalid_grant',
      'refresh_token_unknown',
      () => token({ grant_type: 'refresh_token', refresh_token: 'nonsense' }),
    ],
    [
      'the refresh token of another client',
      'invalid_grant',
      'issued_to_another_client',
      async () =>
        token({ grant_type: 'refresh_token', refresh_token: (await tokens()).refresh_token }, other),
    ],
    [
      'a refresh for more',
      'invalid_scope',
      'scope_beyond_refresh_token',
      async () =>
        token({
          grant_type: 'refresh_token',
          refresh_token: (await tokens('openid offline_access')).refresh_token,
          scope: 'openid email',
        }),
    ],
    [
      'a scope that the client does not have',
      'invalid_scope',
      'scope_not_registered',
      () => token({ ...own, scope: 'phone' }),
    ],
    [
      'a token for an unknown resource',
      'invalid_target',
      'resource_unknown',
      () => token({ ...own, resource: 'https://nowhere.example' }),
    ],
    [
      'two resources for one token',
      'invalid_target',
      'resource_unknown',
      () => {
        const form = new URLSearchParams(own);
        form.append('resource', 'https://other.example');
        return post('/token', form, basic(app));
      },
    ],
    ['no proof where one is needed', 'invalid_grant', 'proof_missing', () => token(own, bound)],
    ['a proof that is no JWT', 'invalid_dpop_proof', 'proof_malformed', () => proving('nonsense')],
    [
      'a proof for another endpoint',
      'invalid_dpop_proof',
      'proof_url',
      () => proving(proof({ htu: `${issuer}/me` })),
    ],
    [
      'a proof for another method',
      'invalid_dpop_proof',
      'proof_method',
      () => proving(proof({ htm: 'GET' })),
    ],
    [
      'a proof without a number',
      'invalid_dpop_proof',
      'proof_jti_missing',
      () => proving(proof({ jti: undefined })),
    ],
    ['a proof of another type', 'invalid_dpop_proof', 'proof_type', () => proving(proof({}, { typ: 'JWT' }))],
    [
      'a proof that was used',
      'invalid_grant',
      'proof_used',
      async () => {
        const used = await proof();
        return twice(() => proving(used));
      },
    ],
    [
      'an exchange of nothing',
      'unauthorized_client',
      'grant_type_not_registered',
      () => token({ grant_type: EXCHANGE }),
    ],
    [
      'introspection of nothing',
      'invalid_request',
      'token_missing',
      () => post('/introspection', {}, basic(app)),
    ],
    [
      'introspection by nobody',
      'invalid_request',
      'authentication_missing',
      () => post('/introspection', { token: 'x' }),
    ],
    [
      'revocation of nothing',
      'invalid_request',
      'token_missing',
      () => post('/token/revocation', {}, basic(app)),
    ],
    ['userinfo without a token', 'invalid_token', 'access_token_missing', () => me({})],
    [
      'userinfo with a token of nobody',
      'invalid_token',
      'access_token_unknown',
      () => me({ Authorization: 'Bearer nonsense' }),
    ],
    [
      'userinfo with the token in the address',
      'invalid_request',
      'access_token_in_query',
      () => me({}, '?access_token=x'),
    ],
    [
      'userinfo with a header of another kind',
      'invalid_request',
      'authorization_scheme',
      () => me({ Authorization: 'Basic eDp5' }),
    ],
    [
      'a sign-out with a hint that is none',
      'invalid_request',
      'id_token_hint_invalid',
      () => fetch(to('/session/end?id_token_hint=nonsense'), { headers: page }),
    ],
    [
      'a sign-out to an address that is not registered',
      'invalid_request',
      'post_logout_redirect_uri_not_registered',
      () =>
        fetch(to('/session/end?client_id=app&post_logout_redirect_uri=http://localhost:9/x'), {
          headers: page,
        }),
    ],
    [
      'a device of a client without the grant',
      'invalid_request',
      'grant_type_not_registered',
      () => post('/device/auth', {}, basic(app)),
    ],
  ];
  return { requests: rows.map(([what, error, cause, send]) => ({ what, send, error, cause })), secrets };
}
