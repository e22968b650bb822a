/**
 * Everything told to the protocol engine, and nothing else imports it. This room owns the engine's configuration (one
 * file a concern), the translation of storage refusals into protocol errors, and the swap to a new engine instance when
 * signing keys change. It refuses implicit, hybrid and password grants, clients without PKCE, and any resource that is
 * not a registered API. It answers for RFC 6749, 6750, 7009, 7523, 7636, 7662, 8414, 8707, 9068, 9126, 9207, 9449, 9700
 * and OpenID Connect Core, Discovery and RP-Initiated Logout.
 */
import type Koa from 'koa';
import Provider, { type Configuration as EngineConfiguration, errors } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { ClientThrottle } from '../authentication/client-throttle.ts';
import type { Apis } from '../clients/apis.ts';
import type { Clients } from '../clients/clients.ts';
import type { Grants } from '../grants/grants.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { noteOf } from '../observability/request-note.ts';
import { claimsAndScopes } from './claims.ts';
import { clientAssertions } from './client-assertions.ts';
import { throttleClientAuthentication } from './client-throttling.ts';
import { cookies } from './cookies.ts';
import { allowCrossOrigin } from './cross-origin.ts';
import { leaveStacksOut } from './engine-errors.ts';
import { completeEngine } from './engine-overrides.ts';
import { engineStorage } from './engine-storage.ts';
import { type EnginePages, features } from './features.ts';
import { findAccount } from './find-account.ts';
import { interactions, loadExistingGrant } from './interaction-policy.ts';
import { lifetimes } from './lifetimes.ts';
import { fixOrigin } from './origin.ts';
import { type PublishedDocument, publishedDocuments } from './published-documents.ts';
import { signingKeySet } from './signing.ts';

/** What the engine is built on. */
export interface ProviderRooms {
  configuration: Configuration;
  accounts: AccountAdapter;
  clientThrottle: ClientThrottle;
  clients: Clients;
  apis: Apis;
  grants: Grants;
  keys: SigningKeys;
  events: Events;
  log: Log;
}

/** One engine instance; its keys never change. */
export interface Engine {
  readonly provider: Provider;
  /** The engine as middleware of the host's app. Calls `next` for paths that are not its own. */
  readonly handle: Koa.Middleware;
  /** What this instance publishes, by path. */
  readonly documents: ReadonlyMap<string, PublishedDocument>;
}

/** Holds the present engine and swaps it when the signing keys change; requests in flight finish on the one they began with. */
export interface ProviderHost {
  current(): Engine;
  close(): void;
}

function engineConfiguration(rooms: ProviderRooms, pages: EnginePages): EngineConfiguration {
  const { configuration, accounts, clients, grants, keys } = rooms;
  const { algorithms } = configuration.keys;
  return {
    adapter: engineStorage(grants, clients, configuration.lifetimes),
    jwks: signingKeySet(keys.snapshot().keys),
    ...claimsAndScopes(),
    cookies: cookies(configuration.issuer),
    ttl: lifetimes(configuration.lifetimes),
    features: features(rooms, pages),
    interactions: interactions(),
    loadExistingGrant: loadExistingGrant(grants, configuration.lifetimes),
    findAccount: findAccount(accounts),
    clientBasedCORS: allowCrossOrigin,
    assertJwtClientAuthClaimsAndHeader: clientAssertions(grants.rememberedSince),
    renderError: (ctx, out, error) =>
      error instanceof errors.SessionNotFound ? pages.interrupted(ctx) : pages.error(ctx, out, error),
    routes: { introspection: '/introspection' },
    responseTypes:
      configuration.features.responseTypes === 'all'
        ? ['code', 'code id_token', 'code token', 'code id_token token', 'id_token', 'id_token token', 'none']
        : ['code'],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    clientDefaults: { id_token_signed_response_alg: (algorithms[0] ?? 'RS256') as 'RS256' },
    enabledJWA: {
      idTokenSigningAlgValues: algorithms as ['RS256'],
      clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA'],
    },
    extraClientMetadata: { properties: ['refresh_token_grace', 'resource_server', 'initiate_login_uri'] },
    // RFC 9700 §2.1.1: PKCE for every client, with S256, the only method the engine knows.
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    // RFC 9700 §2.2.2: every refresh token rotates, public client or not.
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // What ends is what was issued; the person's consent is theirs to take back (see loadExistingGrant).
    revokeGrantPolicy: () => false,
  };
}

async function createEngine(rooms: ProviderRooms, pages: EnginePages): Promise<Engine> {
  const provider = new Provider(rooms.configuration.issuer, engineConfiguration(rooms, pages));
  fixOrigin(provider, rooms.configuration.issuer);
  completeEngine(provider, rooms);
  throttleClientAuthentication(provider, rooms);
  // By redirect or form: where the answer itself does not tell.
  provider.on('authorization.error', (ctx, error) => {
    const note = noteOf(ctx.req);
    if (note !== undefined) note.error = error.error;
  });
  provider.on('server_error', (ctx, error) => {
    rooms.log.error({ err: error, path: ctx.path, method: ctx.method }, 'request failed');
  });
  const [handle] = provider.middleware as [Koa.Middleware];
  return { provider, handle, documents: await publishedDocuments(provider, handle) };
}

/** Builds the engine and keeps it in step with the signing keys. */
export async function createProviderHost(rooms: ProviderRooms, pages: EnginePages): Promise<ProviderHost> {
  leaveStacksOut();
  let engine = await createEngine(rooms, pages);
  let latestRevision = rooms.keys.snapshot().revision;
  const stopListening = rooms.keys.onChange(({ revision }) => {
    latestRevision = revision;
    createEngine(rooms, pages).then(
      (next) => {
        // Of two changes close together the later must win, whichever instance is ready first.
        if (revision === latestRevision) engine = next;
      },
      (error: unknown) =>
        rooms.log.error({ err: error }, 'the engine could not take over the changed signing keys'),
    );
  });
  return { current: () => engine, close: stopListening };
}
