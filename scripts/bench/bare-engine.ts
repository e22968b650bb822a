/**
 * The yardstick: `oidc-provider` by itself on its in-memory adapter, plain http, one process, static clients, and the
 * shortest login and consent pages that work, with passwords verified by argon2id at the same parameters as Latchkey's.
 * It forgets everything when it ends and keeps none of the storage promises; Latchkey is measured against it to show
 * what those cost. Settings that change what the engine does per request (rotation, PKCE, signed cookies, resource
 * indicators, claims) are the same as Latchkey's.
 *
 * Started with the path of a JSON file: see `BareEngineSettings`.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { verify } from '@node-rs/argon2';
import Provider, { type Configuration, interactionPolicy } from 'oidc-provider';
import { apiScope, type Target } from './target.ts';

export interface BareEngineSettings {
  target: Target;
  /** Private JWKS: one RSA, one P-256 key. */
  jwks: { keys: object[] };
  cookieKeys: string[];
  /** argon2id, PHC string. Everybody has the same password. */
  passwordHash: string;
}

const settingsFile = process.argv[2];
if (settingsFile === undefined) {
  throw new Error('usage: bare-engine.ts SETTINGS.json');
}
const { target, jwks, cookieKeys, passwordHash } = JSON.parse(
  readFileSync(settingsFile, 'utf8'),
) as BareEngineSettings;
const logins = new Set(target.people.map(({ login }) => login));
const fortnight = 14 * 24 * 60 * 60;

const configuration = {
  jwks,
  cookies: { keys: cookieKeys },
  clients: [
    {
      client_id: target.webClient.clientId,
      client_secret: target.webClient.clientSecret,
      redirect_uris: [target.redirectUri],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    {
      client_id: target.machineClient.clientId,
      client_secret: target.machineClient.clientSecret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
    },
  ],
  scopes: ['openid', 'offline_access'],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'updated_at'] },
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  ttl: {
    AccessToken: 600,
    AuthorizationCode: 60,
    ClientCredentials: 600,
    Grant: fortnight,
    IdToken: 600,
    Interaction: 3600,
    RefreshToken: fortnight,
    Session: fortnight,
  },
  interactions: {
    policy: interactionPolicy.base(),
    url: (_ctx: unknown, interaction: { uid: string }) => `/interaction/${interaction.uid}`,
  },
  // The path that Latchkey answers at, so that one load fits both.
  routes: { introspection: '/introspection' },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx: unknown, client: { clientId: string }, token: { clientId?: string }) =>
        token.clientId === client.clientId,
    },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_ctx: unknown, identifier: string) => resourceServer(identifier),
    },
  },
  findAccount: (_ctx: unknown, sub: string) => ({
    accountId: sub,
    claims: () => ({ sub, email: sub, email_verified: true, name: 'A Person', updated_at: 1_700_000_000 }),
  }),
};

function resourceServer(identifier: string) {
  const common = { scope: apiScope, audience: identifier, accessTokenTTL: 600 };
  switch (identifier) {
    case target.apis.rs256:
      return { ...common, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } };
    case target.apis.es256:
      return { ...common, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } };
    case target.apis.opaque:
      return { ...common, accessTokenFormat: 'opaque' };
    default:
      throw new Error(`unknown API ${identifier}`);
  }
}

// The published types trail the package, so the configuration is checked by running it.
const provider = new Provider(target.issuer, configuration as unknown as Configuration);
const engine = provider.callback();

function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  return new Promise((resolve, reject) => {
    let form = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      form += chunk;
    });
    request.on('end', () => resolve(new URLSearchParams(form)));
    request.on('error', reject);
  });
}

function sendPage(response: ServerResponse, name: string, form: string): void {
  const html = `<!doctype html><html lang="en"><title>${name}</title><body data-page="${name}">${form}</body></html>`;
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Cache-Control': 'no-store',
    'Content-Length': Buffer.byteLength(html),
  });
  response.end(html);
}

async function logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = await readForm(request);
  const login = form.get('login') ?? '';
  const matches = await verify(passwordHash, form.get('password') ?? '');
  if (!matches || !logins.has(login)) {
    response.writeHead(401).end();
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: login, amr: ['pwd'] } });
}

async function consent(request: IncomingMessage, response: ServerResponse): Promise<void> {
  await readForm(request);
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  const grant = new provider.Grant({
    accountId: session?.accountId ?? '',
    clientId: String(params.client_id),
  });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
  };
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [identifier, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(identifier, scopes.join(' '));
  }
  await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}

async function interact(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? '';
  if (request.method === 'GET') {
    const { prompt } = await provider.interactionDetails(request, response);
    const fields =
      prompt.name === 'login'
        ? '<input id="login" name="login"><input id="password" name="password" type="password"><button id="submit">Sign in</button>'
        : '<button id="approve">Allow</button>';
    sendPage(response, prompt.name, `<form method="post" action="${path}/${prompt.name}">${fields}</form>`);
  } else if (path.endsWith('/login')) {
    await logIn(request, response);
  } else {
    await consent(request, response);
  }
}

const server = createServer((request, response) => {
  if (request.url?.startsWith('/interaction/')) {
    interact(request, response).catch((error: unknown) => {
      console.error(error);
      response.writeHead(500).end();
    });
  } else {
    void engine(request, response);
  }
});
server.listen(target.port, '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
