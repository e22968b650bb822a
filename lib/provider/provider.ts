/**
 * Everything told to the protocol engine, and nothing else imports it. This room owns the engine's configuration (one
 * file a concern), the translation of storage refusals into protocol errors, and the swap to a new engine instance when
 * signing keys change. It refuses implicit, hybrid and password grants, clients without PKCE, and any resource that is
 * not a registered API. It answers for RFC 6749, 6750, 7009, 7523, 7636, 7662, 8414, 8628, 8705, 8707, 9068, 9101, 9126, 9207, 9449,
 * 8693, 9396, 9700, 9701, JARM, FAPI 2.0, 1.0 Advanced and CIBA, the Token Status List draft
 * and OpenID Connect Core, Discovery and RP-Initiated Logout.
 */
import type Koa from 'koa';
import Provider, { type Configuration as EngineConfiguration, errors } from 'oidc-provider';
import { ACR_VALUES } from '../../config/acr-values.ts';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { registrationIsOpen } from '../accounts/registration-is-open.ts';
import type { AuthenticationRequests } from '../authentication/authentication-requests.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { AddressThrottle } from '../authentication/throttling/address-throttle.ts';
import type { ClientThrottle } from '../authentication/throttling/client-throttle.ts';
import type { UserCodeThrottle } from '../authentication/throttling/user-code-throttle.ts';
import type { Apis } from '../clients/apis.ts';
import type { ClientDocuments } from '../clients/client-documents.ts';
import type { Clients } from '../clients/clients.ts';
import { allowedResponseTypes } from '../clients/configuration-problem.ts';
import { attestationMethods } from '../clients/metadata/attestation-metadata.ts';
import { certificateMethods } from '../clients/metadata/certificate-metadata.ts';
import type { UnusedClients } from '../clients/unused-clients.ts';
import type { Sealer } from '../database/sealer.ts';
import type { Grants } from '../grants/grants.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Deliver } from '../notifications/notification-delivery.ts';
import type { Notifications } from '../notifications/notifications.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { noteOf } from '../observability/request-note.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import { defaultAlgorithms, enabledAlgorithms } from './algorithms.ts';
import { claimsAndScopes } from './claims/claims.ts';
import { findAccount } from './claims/find-account.ts';
import { pairwiseSubjects } from './claims/pairwise-subjects.ts';
import { releaseScopeClaims } from './claims/scope-claims.ts';
import { clientAssertions } from './client-authentication/client-assertions.ts';
import { answerForUnreachableAttesters } from './client-authentication/client-attestation.ts';
import { throttleClientAuthentication } from './client-authentication/client-throttling.ts';
import { cookies } from './cookies.ts';
import { allowCrossOrigin } from './cross-origin.ts';
import { backchannelRequestLifetime, leavePings } from './devices/ciba.ts';
import { completeDeviceFlow } from './devices/device-flow.ts';
import { leaveStacksOut } from './engine/engine-errors.ts';
import { engineFetch } from './engine/engine-fetch.ts';
import { completeEngine } from './engine/engine-overrides.ts';
import { engineStorage } from './engine/engine-storage.ts';
import { engineSuccession } from './engine/engine-succession.ts';
import { keepFormStates } from './engine/form-states.ts';
import { reportProtocolErrors } from './errors/protocol-errors.ts';
import { type EnginePages, features } from './features.ts';
import { lifetimes } from './lifetimes.ts';
import { completeLogout, logoutDiscovery } from './logout/logout.ts';
import { answerStaleLogout, isStaleLogout } from './logout/logout-form.ts';
import { noticeDeliveries } from './logout/notice-deliveries.ts';
import { fixOrigin } from './origin.ts';
import { type PlainRequests, plainRequests } from './plain/plain-requests.ts';
import { type PublishedDocument, publishedDocuments } from './published-documents.ts';
import { documentRefresher, type RefreshDocument } from './registration/client-document-fetcher.ts';
import { EXTRA_CLIENT_METADATA } from './registration/extra-client-metadata.ts';
import { noteUse, registrationDiscovery } from './registration/registration.ts';
import { answerInteractionIds } from './requests/fapi-interaction-id.ts';
import { pkceRequired, rotatesRefreshTokens } from './requests/profiles.ts';
import { requestEncryptionKeys } from './requests/request-encryption-keys.ts';
import { tellOfActivity } from './sign-in/account-activity.ts';
import { tellAssurance } from './sign-in/assurance.ts';
import { interactions, loadExistingGrant, promptValues } from './sign-in/interaction-policy.ts';
import { measureSignInsAtTheirSource, noteDevicesInSessions } from './sign-in/session-device.ts';
import { signingKeySet } from './signing.ts';
import { addAssertionGrant, assertionGrantDiscovery } from './tokens/assertion-grant.ts';
import { endsWithSession, keepBoundsInGrants } from './tokens/bounded-grants.ts';
import { answerForJwtAccessTokens, jwtAccessTokenReader } from './tokens/jwt-access-tokens.ts';
import { statusListEndpoint } from './tokens/status-list-endpoint.ts';
import { tokenClaims } from './tokens/token-claims.ts';
import { addTokenExchange } from './tokens/token-exchange.ts';
import { createTokenStatusDesk, keepStatusesInGrants, type TokenStatusDesk } from './tokens/token-status.ts';

/** What the engine is built on. */
export interface ProviderRooms {
  configuration: Configuration;
  accounts: AccountAdapter;
  clientThrottle: ClientThrottle;
  userCodes: UserCodeThrottle;
  secondFactors: SecondFactors;
  clients: Clients;
  unusedClients: Pick<UnusedClients, 'used'>;
  clientDocuments: ClientDocuments;
  documentThrottle: AddressThrottle;
  apis: Apis;
  grants: Grants;
  keys: SigningKeys;
  safeFetch: SafeFetch;
  notifications: Notifications;
  /** Sign-ins that wait for a person's answer. */
  requests: AuthenticationRequests;
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
  /** What is answered without the rest of the application, where nothing speaks against it. */
  readonly plain: PlainRequests;
  /** What this instance publishes, by path. */
  readonly documents: ReadonlyMap<string, PublishedDocument>;
}

/** Holds the present engine and swaps it when the signing keys change; requests in flight finish on the one they began with. */
export interface ProviderHost {
  current(): Engine;
  /** How each kind of notice is delivered. */
  readonly deliveries: ReadonlyMap<string, Deliver>;
  close(): void;
}

/** Whether clients may encrypt their requests to the provider. */
function decryptsRequests({ encryption, requestObjects }: Configuration['features']): boolean {
  return encryption && requestObjects !== 'off';
}

/** What discovery says to people, and of the languages that they are spoken to in (OpenID Connect Discovery §3). */
function peopleDiscovery({ privacyUrl, termsUrl }: Configuration['branding'], locales: readonly string[]) {
  return {
    ui_locales_supported: locales,
    ...(privacyUrl === undefined ? {} : { op_policy_uri: privacyUrl }),
    ...(termsUrl === undefined ? {} : { op_tos_uri: termsUrl }),
  };
}

function engineConfiguration(
  rooms: ProviderRooms & { detailTypes: Iterable<string> },
  pages: EnginePages,
): EngineConfiguration {
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
    ttl: {
      ...lifetimes(configuration.lifetimes),
      BackchannelAuthenticationRequest: backchannelRequestLifetime(switches.ciba.lifetime),
    },
    features: features(rooms, pages),
    interactions: interactions({ registration, assurance: rooms, clients }),
    acrValues: [...ACR_VALUES],
    // OpenID Connect Prompt Create §5.
    discovery: {
      prompt_values_supported: promptValues(registration),
      ...peopleDiscovery(configuration.branding, pages.locales),
      ...registrationDiscovery(configuration),
      ...assertionGrantDiscovery(switches),
      ...logoutDiscovery(configuration),
    },
    loadExistingGrant: loadExistingGrant(grants, configuration.lifetimes),
    findAccount: findAccount(accounts),
    fetch: engineFetch(rooms.safeFetch),
    clientBasedCORS: allowCrossOrigin,
    assertJwtClientAuthClaimsAndHeader: clientAssertions(grants.rememberedSince),
    renderError: async (ctx, out, error) => {
      if (error instanceof errors.SessionNotFound) await pages.interrupted(ctx);
      else if (isStaleLogout(ctx, error)) await answerStaleLogout(ctx, pages);
      else await pages.error(ctx, out, error);
    },
    routes: { introspection: '/introspection' },
    // The account page's own; registered applications are told of, and held to, what is allowed (lib/clients).
    responseTypes: [...new Set([...allowedResponseTypes(switches), 'none'])] as ['code'],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      ...certificateMethods(switches),
      ...attestationMethods(switches),
      'none',
    ],
    clientDefaults: defaultAlgorithms(configuration.keys),
    enabledJWA: enabledAlgorithms(configuration.keys),
    extraClientMetadata: { properties: EXTRA_CLIENT_METADATA },
    // With S256, the only method that the engine knows.
    pkce: { required: pkceRequired(switches) },
    allowOmittingSingleRegisteredRedirectUri: false,
    // Public client or not.
    rotateRefreshToken: rotatesRefreshTokens,
    // A device's session is not the one of the browser in which it was let in (RFC 8628); the others end with theirs.
    expiresWithSession: (ctx, source) =>
      source.kind !== 'DeviceCode' && (!source.scopes.has('offline_access') || endsWithSession(ctx)),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // What ends is what was issued; the person's consent is theirs to take back (see loadExistingGrant).
    revokeGrantPolicy: () => false,
  };
}

/** What every engine instance shares. */
interface EngineParts {
  statuses: TokenStatusDesk | undefined;
  refreshDocument: RefreshDocument | undefined;
}

async function createEngine(
  rooms: ProviderRooms,
  pages: EnginePages,
  { statuses, refreshDocument }: EngineParts,
): Promise<Engine> {
  const { richAuthorizationRequests } = rooms.configuration.features;
  const detailTypes = richAuthorizationRequests ? (await rooms.apis.detailTypes()).keys() : [];
  const provider = new Provider(rooms.configuration.issuer, {
    ...engineConfiguration({ ...rooms, detailTypes }, pages),
    ...(statuses === undefined ? {} : { formats: { customizers: { jwt: statuses.stamp } } }),
    extraTokenClaims: tokenClaims(rooms),
  });
  fixOrigin(provider, rooms.configuration.issuer);
  completeEngine(provider, { ...rooms, refreshDocument });
  tellAssurance(provider, rooms.configuration);
  releaseScopeClaims(provider);
  noteDevicesInSessions(provider);
  measureSignInsAtTheirSource(provider);
  tellOfActivity(provider, rooms.events);
  keepFormStates(provider);
  completeDeviceFlow(provider, rooms);
  leavePings(provider, rooms.notifications);
  noteUse(provider, rooms);
  keepBoundsInGrants(provider);
  addAssertionGrant(provider, { ...rooms, rememberedSince: rooms.grants.rememberedSince });
  throttleClientAuthentication(provider, rooms);
  const statusLists = completeJwtAccessTokens(provider, rooms, statuses);
  reportProtocolErrors(provider, rooms.log);
  // By redirect or form: where the answer itself does not tell.
  provider.on('authorization.error', (ctx, error) => {
    const note = noteOf(ctx.req);
    if (note !== undefined) note.error = error.error;
  });
  provider.on('server_error', (ctx, error) => {
    rooms.log.error({ err: error, path: ctx.path, method: ctx.method }, 'request failed');
  });
  const [engine] = provider.middleware as [Koa.Middleware];
  const { features: switches } = rooms.configuration;
  const withLogout = completeLogout(provider, rooms, pages.frontChannelLogout);
  const answer = withLogout(answerForUnreachableAttesters(answerInteractionIds(engine), switches));
  const handle: Koa.Middleware =
    statusLists === undefined ? answer : (ctx, next) => statusLists(ctx, () => answer(ctx, next));
  const documents = await publishedDocuments(provider, handle, rooms);
  return { provider, handle, plain: plainRequests(provider, rooms), documents };
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
  const refreshDocument = configuration.clientDocuments.enabled ? documentRefresher(rooms) : undefined;
  const parts = { statuses, refreshDocument };
  const { current, close } = await engineSuccession({
    make: () => createEngine(rooms, pages, parts),
    keys: rooms.keys,
    apis: configuration.features.richAuthorizationRequests ? rooms.apis : undefined,
    log: rooms.log,
  });
  const deliveries = noticeDeliveries(() => current().provider, rooms);
  return { current, deliveries, close };
}
