/**
 * Everything told to the protocol engine, and nothing else imports it. This room owns the engine's configuration (one
 * file a concern), the translation of storage refusals into protocol errors, and the swap to a new engine instance when
 * signing keys change. It refuses implicit, hybrid and password grants, clients without PKCE, and any resource that is
 * not a registered API. It answers for RFC 6749, 6750, 7009, 7523, 7636, 7662, 8414, 8628, 8705, 8707, 9068, 9101, 9126, 9207, 9449,
 * 8693, 9700, 9701, JARM, the Token Status List draft
 * and OpenID Connect Core, Discovery and RP-Initiated Logout.
 */
import type Koa from 'koa';
import Provider, { type Configuration as EngineConfiguration, errors } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { registrationIsOpen } from '../accounts/registration-is-open.ts';
import type { ClientThrottle } from '../authentication/client-throttle.ts';
import type { UserCodeThrottle } from '../authentication/user-code-throttle.ts';
import type { Apis } from '../clients/apis.ts';
import { certificateMethods } from '../clients/certificate-metadata.ts';
import type { Clients } from '../clients/clients.ts';
import { allowedResponseTypes } from '../clients/configuration-problem.ts';
import type { Sealer } from '../database/sealer.ts';
import type { Grants } from '../grants/grants.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { noteOf } from '../observability/request-note.ts';
import { defaultAlgorithms, enabledAlgorithms } from './algorithms.ts';
import { claimsAndScopes } from './claims.ts';
import { clientAssertions } from './client-assertions.ts';
import { throttleClientAuthentication } from './client-throttling.ts';
import { cookies } from './cookies.ts';
import { allowCrossOrigin } from './cross-origin.ts';
import { completeDeviceFlow } from './device-flow.ts';
import { leaveStacksOut } from './engine-errors.ts';
import { completeEngine } from './engine-overrides.ts';
import { engineStorage } from './engine-storage.ts';
import { type EnginePages, features } from './features.ts';
import { findAccount } from './find-account.ts';
import { interactions, loadExistingGrant, promptValues } from './interaction-policy.ts';
import { answerForJwtAccessTokens, jwtAccessTokenReader } from './jwt-access-tokens.ts';
import { lifetimes } from './lifetimes.ts';
import { fixOrigin } from './origin.ts';
import { pairwiseSubjects } from './pairwise-subjects.ts';
import { type PublishedDocument, publishedDocuments } from './published-documents.ts';
import { requestEncryptionKeys } from './request-encryption-keys.ts';
import { releaseScopeClaims } from './scope-claims.ts';
import { signingKeySet } from './signing.ts';
import { statusListEndpoint } from './status-list-endpoint.ts';
import { addTokenExchange, exchangeClaims } from './token-exchange.ts';
import { createTokenStatusDesk, keepStatusesInGrants, type TokenStatusDesk } from './token-status.ts';

/** What the engine is built on. */
export interface ProviderRooms {
  configuration: Configuration;
  accounts: AccountAdapter;
  clientThrottle: ClientThrottle;
  userCodes: UserCodeThrottle;
  clients: Clients;
  apis: Apis;
  grants: Grants;
  keys: SigningKeys;
  sealer: Sealer;
  /** What pairwise subjects are made with; the same for the life of the directory. */
  pairwiseKey: Buffer;
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

/** Whether clients may encrypt their requests to the provider. */
function decryptsRequests({ encryption, requestObjects }: Configuration['features']): boolean {
  return encryption && requestObjects !== 'off';
}

function engineConfiguration(rooms: ProviderRooms, pages: EnginePages): EngineConfiguration {
  const { configuration, accounts, clients, grants, keys, sealer } = rooms;
  const switches = configuration.features;
  const registration = registrationIsOpen(configuration, accounts);
  return {
    adapter: engineStorage(grants, clients, configuration.lifetimes),
    jwks: signingKeySet(
      keys.snapshot().keys,
      decryptsRequests(switches) ? requestEncryptionKeys(sealer) : [],
    ),
    ...pairwiseSubjects(switches.pairwiseSubjects, rooms.pairwiseKey),
    ...claimsAndScopes(),
    cookies: cookies(configuration.issuer),
    ttl: lifetimes(configuration.lifetimes),
    features: features(rooms, pages),
    interactions: interactions({ registration }),
    // OpenID Connect Prompt Create §5.
    discovery: { prompt_values_supported: promptValues(registration) },
    loadExistingGrant: loadExistingGrant(grants, configuration.lifetimes),
    findAccount: findAccount(accounts),
    clientBasedCORS: allowCrossOrigin,
    assertJwtClientAuthClaimsAndHeader: clientAssertions(grants.rememberedSince),
    renderError: (ctx, out, error) =>
      error instanceof errors.SessionNotFound ? pages.interrupted(ctx) : pages.error(ctx, out, error),
    routes: { introspection: '/introspection' },
    responseTypes: allowedResponseTypes(switches) as ['code'],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      ...certificateMethods(switches),
      'none',
    ],
    clientDefaults: defaultAlgorithms(configuration.keys),
    enabledJWA: enabledAlgorithms(configuration.keys),
    extraClientMetadata: {
      properties: ['refresh_token_grace', 'resource_server', 'initiate_login_uri', 'id_token_scope_claims'],
    },
    // RFC 9700 §2.1.1: PKCE for every client, with S256, the only method the engine knows.
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    // RFC 9700 §2.2.2: every refresh token rotates, public client or not.
    rotateRefreshToken: true,
    // A device's session is not the one of the browser in which it was let in (RFC 8628); the others end with theirs.
    expiresWithSession: (_ctx, source) =>
      source.kind !== 'DeviceCode' && !source.scopes.has('offline_access'),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // What ends is what was issued; the person's consent is theirs to take back (see loadExistingGrant).
    revokeGrantPolicy: () => false,
  };
}

async function createEngine(
  rooms: ProviderRooms,
  pages: EnginePages,
  statuses: TokenStatusDesk | undefined,
): Promise<Engine> {
  const provider = new Provider(rooms.configuration.issuer, {
    ...engineConfiguration(rooms, pages),
    ...(statuses === undefined ? {} : { formats: { customizers: { jwt: statuses.stamp } } }),
    ...(rooms.configuration.features.tokenExchange
      ? { extraTokenClaims: exchangeClaims(rooms.clients) }
      : {}),
  });
  fixOrigin(provider, rooms.configuration.issuer);
  completeEngine(provider, rooms);
  releaseScopeClaims(provider);
  completeDeviceFlow(provider, rooms);
  throttleClientAuthentication(provider, rooms);
  const statusLists = completeJwtAccessTokens(provider, rooms, statuses);
  // By redirect or form: where the answer itself does not tell.
  provider.on('authorization.error', (ctx, error) => {
    const note = noteOf(ctx.req);
    if (note !== undefined) note.error = error.error;
  });
  provider.on('server_error', (ctx, error) => {
    rooms.log.error({ err: error, path: ctx.path, method: ctx.method }, 'request failed');
  });
  const [engine] = provider.middleware as [Koa.Middleware];
  const handle: Koa.Middleware =
    statusLists === undefined ? engine : (ctx, next) => statusLists(ctx, () => engine(ctx, next));
  return { provider, handle, documents: await publishedDocuments(provider, handle) };
}

/** JWT access tokens that can be introspected and, with statuses, revoked; answers what is to be asked before the engine. */
function completeJwtAccessTokens(
  provider: Provider,
  { configuration, clients, grants, keys }: ProviderRooms,
  statuses: TokenStatusDesk | undefined,
): Koa.Middleware | undefined {
  const { issuer, features: switches } = configuration;
  const present = keys.snapshot().keys;
  const read = jwtAccessTokenReader({ issuer, keys: present, clients, statuses });
  answerForJwtAccessTokens(provider, read, statuses);
  if (switches.tokenExchange) addTokenExchange(provider, { clients, configuration, readJwt: read });
  if (statuses === undefined) return undefined;
  keepStatusesInGrants(provider);
  const { names } = statuses;
  const { ttl } = switches.tokenStatusList;
  return statusListEndpoint({ issuer, ttl, names, grants, keys: present });
}

/** Builds the engine and keeps it in step with the signing keys. */
export async function createProviderHost(rooms: ProviderRooms, pages: EnginePages): Promise<ProviderHost> {
  leaveStacksOut();
  const { configuration, grants, sealer } = rooms;
  const statuses = configuration.features.tokenStatusList.enabled
    ? createTokenStatusDesk({
        issuer: configuration.issuer,
        secrets: sealer.deriveAll('token-status-lists'),
        grants,
      })
    : undefined;
  let engine = await createEngine(rooms, pages, statuses);
  let latestRevision = rooms.keys.snapshot().revision;
  const stopListening = rooms.keys.onChange(({ revision }) => {
    latestRevision = revision;
    createEngine(rooms, pages, statuses).then(
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
