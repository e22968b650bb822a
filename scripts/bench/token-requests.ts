/**
 * Requests to the token endpoint and the checks on their answers. A wrong answer throws: a server that is quick
 * because it is wrong must not look good in the table.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Browser } from './browser.ts';
import type { HttpConnection, HttpResponse } from './http-connection.ts';
import type { ClientCredentials, Target } from './target.ts';

export interface TokenAnswer {
  access_token: string;
  token_type: string;
  scope?: string;
  id_token?: string;
  refresh_token?: string;
}

export type AccessTokenForm = 'RS256' | 'ES256' | 'opaque';

export function basicAuthorization(client: ClientCredentials): string {
  const pair = `${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

/** Throws unless the answer is a JSON object with this status; returns the object. */
export function jsonAnswer<T>(what: string, response: HttpResponse, status = 200): T {
  if (response.status !== status || !response.headers.get('content-type')?.startsWith('application/')) {
    throw new Error(`${what} answered ${response.status}: ${response.body.slice(0, 500)}`);
  }
  return JSON.parse(response.body) as T;
}

function decodePart(jwt: string, part: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[part] ?? '', 'base64url').toString('utf8'));
}

function expectAccessToken(what: string, token: TokenAnswer, form: AccessTokenForm): void {
  if (token.token_type !== 'Bearer' || typeof token.access_token !== 'string') {
    throw new Error(`${what}: no bearer access token in ${JSON.stringify(token)}`);
  }
  if (form === 'opaque') {
    if (token.access_token.includes('.') || token.access_token.length < 22) {
      throw new Error(`${what}: expected an opaque access token, got ${token.access_token}`);
    }
    return;
  }
  const header = decodePart(token.access_token, 0);
  if (header.alg !== form || header.typ !== 'at+jwt' || typeof header.kid !== 'string') {
    throw new Error(`${what}: expected an at+jwt signed by ${form}, got header ${JSON.stringify(header)}`);
  }
}

function expectIdToken(what: string, token: TokenAnswer, target: Target, nonce?: string): void {
  if (typeof token.id_token !== 'string') {
    throw new Error(`${what}: no ID token`);
  }
  const claims = decodePart(token.id_token, 1);
  if (
    decodePart(token.id_token, 0).alg !== 'RS256' ||
    claims.iss !== target.issuer ||
    claims.aud !== target.webClient.clientId ||
    (nonce !== undefined && claims.nonce !== nonce)
  ) {
    throw new Error(`${what}: wrong ID token ${JSON.stringify(claims)}`);
  }
}

/** RFC 6749 section 4.4. */
export async function requestClientCredentials(
  connection: HttpConnection,
  target: Target,
  prepared: { authorization: string; form: string },
  form: AccessTokenForm,
): Promise<TokenAnswer> {
  const response = await connection.request({
    method: 'POST',
    path: '/token',
    headers: { Authorization: prepared.authorization },
    form: prepared.form,
  });
  const what = `client credentials at ${target.issuer}`;
  const token = jsonAnswer<TokenAnswer>(what, response);
  expectAccessToken(what, token, form);
  return token;
}

export interface CodeFlow {
  connection: HttpConnection;
  target: Target;
  browser: Browser;
  authorization: string;
  scope: string;
  resource?: string;
  form: AccessTokenForm;
  prompt?: string;
  /** Whose credentials to give when the login page is shown. Without it, a page is a wrong answer. */
  person?: { login: string; password: string };
}

/** Authorization code with PKCE S256 (RFC 6749 section 4.1, RFC 7636), pages included when there is a person. */
export async function runCodeFlow(flow: CodeFlow): Promise<TokenAnswer> {
  const { target, browser } = flow;
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(12).toString('base64url');
  const nonce = randomBytes(12).toString('base64url');
  const parameters = new URLSearchParams({
    client_id: target.webClient.clientId,
    response_type: 'code',
    redirect_uri: target.redirectUri,
    scope: flow.scope,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  if (flow.resource !== undefined) parameters.set('resource', flow.resource);
  if (flow.prompt !== undefined) parameters.set('prompt', flow.prompt);

  let arrival = await browser.open(`/auth?${parameters}`);
  if (flow.person) {
    if (arrival.kind !== 'page') throw new Error(`expected the login page, went to ${arrival.location}`);
    arrival = await browser.submit(arrival.page, 'login', flow.person);
    if (arrival.kind !== 'page') throw new Error(`expected the consent page, went to ${arrival.location}`);
    arrival = await browser.submit(arrival.page, 'approve', {});
  }
  if (arrival.kind !== 'left') {
    throw new Error(`expected a redirect to the client, got the page ${arrival.page.html.slice(0, 2000)}`);
  }
  const { location } = arrival;
  const code = location.searchParams.get('code');
  if (
    `${location.origin}${location.pathname}` !== target.redirectUri ||
    location.searchParams.get('state') !== state ||
    location.searchParams.get('iss') !== target.issuer ||
    code === null
  ) {
    throw new Error(`wrong authorization response ${location}`);
  }

  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: target.redirectUri,
    code_verifier: verifier,
  });
  if (flow.resource !== undefined) body.set('resource', flow.resource);
  const response = await flow.connection.request({
    method: 'POST',
    path: '/token',
    headers: { Authorization: flow.authorization },
    form: body.toString(),
  });
  const what = `authorization code at ${target.issuer}`;
  const token = jsonAnswer<TokenAnswer>(what, response);
  expectAccessToken(what, token, flow.form);
  expectIdToken(what, token, target, nonce);
  return token;
}

/** RFC 6749 section 6, with rotation: the successor must be there and must differ. */
export async function refresh(
  flow: Pick<CodeFlow, 'connection' | 'target' | 'authorization' | 'form'> & { resource: string },
  refreshToken: string,
): Promise<TokenAnswer & { refresh_token: string }> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    resource: flow.resource,
  });
  const response = await flow.connection.request({
    method: 'POST',
    path: '/token',
    headers: { Authorization: flow.authorization },
    form: form.toString(),
  });
  const what = `refresh at ${flow.target.issuer}`;
  const token = jsonAnswer<TokenAnswer>(what, response);
  expectAccessToken(what, token, flow.form);
  expectIdToken(what, token, flow.target);
  const successor = token.refresh_token;
  if (typeof successor !== 'string' || successor === refreshToken) {
    throw new Error(`${what}: the refresh token was not rotated`);
  }
  return { ...token, refresh_token: successor };
}
