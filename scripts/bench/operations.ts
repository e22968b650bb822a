/**
 * The operations that are measured, as one lane of load performs them: `prepare` does what is not measured (signs a
 * person in, gets a token to introspect) and returns the function whose every call is one counted operation. Each
 * preparation starts fresh sessions and grants, so that what a server keeps for one grant stays small and the same
 * for every contender.
 */
import { createLocalJWKSet, jwtVerify } from 'jose';
import { Browser } from './browser.ts';
import type { HttpConnection } from './http-connection.ts';
import { apiScope, type Target } from './target.ts';
import {
  type AccessTokenForm,
  basicAuthorization,
  jsonAnswer,
  refresh,
  requestClientCredentials,
  runCodeFlow,
} from './token-requests.ts';

export interface Lane {
  connection: HttpConnection;
  target: Target;
  index: number;
}

export type Operation = (lane: Lane) => Promise<() => Promise<void>>;

/** Fetches the JWKS and verifies a signature for real, once in a preparation. */
async function verifySignature({ connection, target }: Lane, jwt: string, audience: string): Promise<void> {
  const response = await connection.request({ method: 'GET', path: '/jwks' });
  const keys = createLocalJWKSet(jsonAnswer('JWKS', response));
  await jwtVerify(jwt, keys, { issuer: target.issuer, audience });
}

function personOf({ target, index }: Lane): { login: string; password: string } {
  const person = target.people[index % target.people.length];
  if (!person) {
    throw new Error('the target knows no people');
  }
  return person;
}

function clientCredentials(form: AccessTokenForm, api: keyof Target['apis']): Operation {
  return async (lane) => {
    const { connection, target } = lane;
    const resource = target.apis[api];
    const prepared = {
      authorization: basicAuthorization(target.machineClient),
      form: new URLSearchParams({
        grant_type: 'client_credentials',
        scope: apiScope,
        resource,
      }).toString(),
    };
    let previous = '';
    const run = async () => {
      const token = await requestClientCredentials(connection, target, prepared, form);
      if (token.access_token === previous) {
        throw new Error('the same access token was issued twice');
      }
      previous = token.access_token;
    };
    await run();
    if (form !== 'opaque') {
      await verifySignature(lane, previous, resource);
    }
    return run;
  };
}

/** Signs a person in with a fresh browser; what it consents to covers the `codeWithSession` operation. */
function signIn(
  lane: Lane,
  options: { browser: Browser; scope: string; api: 'rs256' | 'es256' | undefined },
) {
  const { connection, target } = lane;
  const { api } = options;
  return runCodeFlow({
    connection,
    target,
    browser: options.browser,
    authorization: basicAuthorization(target.webClient),
    scope: options.scope,
    form: api === undefined ? 'opaque' : api === 'rs256' ? 'RS256' : 'ES256',
    ...(api === undefined ? {} : { resource: target.apis[api] }),
    prompt: 'login consent',
    person: personOf(lane),
  });
}

const codeWithSession: Operation = async (lane) => {
  const { connection, target } = lane;
  const browser = new Browser(connection, target.issuer);
  const scope = `openid profile email ${apiScope}`;
  const first = await signIn(lane, { browser, scope, api: 'es256' });
  await verifySignature(lane, first.access_token, target.apis.es256);
  await verifySignature(lane, first.id_token ?? '', target.webClient.clientId);
  const flow = {
    connection,
    target,
    browser,
    authorization: basicAuthorization(target.webClient),
    scope,
    resource: target.apis.es256,
    form: 'ES256' as const,
  };
  return async () => {
    await runCodeFlow(flow);
  };
};

const codeWithLogin: Operation = async (lane) => {
  return async () => {
    const browser = new Browser(lane.connection, lane.target.issuer);
    await signIn(lane, { browser, scope: `openid profile email ${apiScope}`, api: 'es256' });
  };
};

const refreshWithRotation: Operation = async (lane) => {
  const { connection, target } = lane;
  const browser = new Browser(connection, target.issuer);
  const first = await signIn(lane, {
    browser,
    scope: `openid profile email offline_access ${apiScope}`,
    api: 'rs256',
  });
  if (first.refresh_token === undefined) {
    throw new Error(`no refresh token from ${target.issuer} for offline_access`);
  }
  await verifySignature(lane, first.access_token, target.apis.rs256);
  const flow = {
    connection,
    target,
    authorization: basicAuthorization(target.webClient),
    resource: target.apis.rs256,
    form: 'RS256' as const,
  };
  let current = first.refresh_token;
  return async () => {
    current = (await refresh(flow, current)).refresh_token;
  };
};

async function opaqueAccessToken(lane: Lane): Promise<string> {
  const browser = new Browser(lane.connection, lane.target.issuer);
  const token = await signIn(lane, { browser, scope: 'openid profile email', api: undefined });
  return token.access_token;
}

const introspection: Operation = async (lane) => {
  const { connection, target } = lane;
  const token = await opaqueAccessToken(lane);
  const headers = { Authorization: basicAuthorization(target.webClient) };
  const form = new URLSearchParams({ token }).toString();
  return async () => {
    const response = await connection.request({
      method: 'POST',
      path: '/introspection',
      headers,
      form,
    });
    const answer = jsonAnswer<Record<string, unknown>>('introspection', response);
    if (answer.active !== true || answer.client_id !== target.webClient.clientId || !answer.sub) {
      throw new Error(`introspection of a live token at ${target.issuer} said ${response.body}`);
    }
  };
};

const userinfo: Operation = async (lane) => {
  const { connection, target } = lane;
  const headers = { Authorization: `Bearer ${await opaqueAccessToken(lane)}` };
  const { login } = personOf(lane);
  return async () => {
    const response = await connection.request({ method: 'GET', path: '/me', headers });
    const answer = jsonAnswer<Record<string, unknown>>('userinfo', response);
    if (typeof answer.sub !== 'string' || answer.email !== login) {
      throw new Error(`userinfo at ${target.issuer} said ${response.body}`);
    }
  };
};

const jwks: Operation = async ({ connection, target }) => {
  return async () => {
    const response = await connection.request({ method: 'GET', path: '/jwks' });
    const { keys } = jsonAnswer<{ keys: { kty?: string; d?: unknown }[] }>('JWKS', response);
    if (keys.length < 2 || keys.some((key) => !key.kty || key.d !== undefined)) {
      throw new Error(`JWKS at ${target.issuer} said ${response.body}`);
    }
  };
};

const discovery: Operation = async ({ connection, target }) => {
  return async () => {
    const response = await connection.request({ method: 'GET', path: '/.well-known/openid-configuration' });
    const answer = jsonAnswer<Record<string, unknown>>('discovery', response);
    if (answer.issuer !== target.issuer || answer.token_endpoint !== `${target.issuer}/token`) {
      throw new Error(`discovery at ${target.issuer} said ${response.body}`);
    }
  };
};

const plainGet: Operation = async ({ connection }) => {
  return async () => {
    jsonAnswer('plain GET', await connection.request({ method: 'GET', path: '/' }));
  };
};

const plainPost: Operation = async ({ connection }) => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: apiScope }).toString();
  return async () => {
    jsonAnswer('plain POST', await connection.request({ method: 'POST', path: '/', form }));
  };
};

export const operations = {
  'client-credentials-rs256': clientCredentials('RS256', 'rs256'),
  'client-credentials-es256': clientCredentials('ES256', 'es256'),
  'client-credentials-opaque': clientCredentials('opaque', 'opaque'),
  'code-with-session': codeWithSession,
  'code-with-login': codeWithLogin,
  refresh: refreshWithRotation,
  introspection,
  userinfo,
  jwks,
  discovery,
  'plain-get': plainGet,
  'plain-post': plainPost,
} satisfies Record<string, Operation>;

export type OperationName = keyof typeof operations;
