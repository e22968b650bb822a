import Provider, { type Client as EngineClient, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import { isDocumentAddress } from '../../clients/client-documents.ts';
import type { Clients, StoredClient } from '../../clients/clients.ts';
import { allowedResponseTypes } from '../../clients/configuration-problem.ts';
import type { Grants } from '../../grants/grants.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import type { RefreshDocument } from '../registration/client-document-fetcher.ts';
import { takeReferencedRequests } from '../requests/referenced-requests.ts';
import { leaveOfflineAccessOut } from '../tokens/refresh-scope.ts';
import { entitiesOf, prototypesOf } from './engine-context.ts';
import { whileAvailable } from './engine-storage.ts';

/**
 * What the engine leaves to inheritance rather than to configuration: how a client secret is compared (only its digest
 * is stored), how one is found, which audience an assertion must have (the issuer alone, RFC 7523bis, unless configured otherwise), and what identifies a token
 * (time-ordered random ids; a rotated refresh token has the one successor that was chosen when it was issued).
 */
export function completeEngine(
  provider: Provider,
  rooms: {
    clients: Clients;
    grants: Grants;
    refreshDocument: RefreshDocument | undefined;
    configuration: Configuration;
    safeFetch: SafeFetch;
  },
): void {
  const { clients, grants, refreshDocument } = rooms;
  const {
    Client,
    OIDCContext,
    AuthorizationCode,
    AccessToken,
    RefreshToken,
    ClientCredentials,
    Grant,
    Session,
  } = prototypesOf(provider);

  Client.prototype.compareClientSecret = function compareClientSecret(actual) {
    return whileAvailable(() => clients.verifySecret(this.clientId, actual));
  };

  // The engine's own way finds out whether a client has changed by a digest of all its metadata, for each request.
  const findByDigest = Client.find.bind(Client);
  const ready = new WeakMap<StoredClient, EngineClient>();
  Client.find = async (clientId) => {
    if (typeof clientId !== 'string') return undefined;
    if (refreshDocument !== undefined && isDocumentAddress(clientId)) {
      await whileAvailable(() => refreshDocument(clientId));
    }
    const found = whileAvailable(() => clients.find(clientId));
    const stored = found instanceof Promise ? await found : found;
    if (stored === undefined) return undefined;
    if (stored.problem !== undefined) throw new errors.InvalidClientMetadata(stored.problem);
    const known = ready.get(stored);
    if (known !== undefined) return known;
    const client = await findByDigest(clientId);
    if (client !== undefined) {
      // Not by its metadata: the engine would refuse the client for a type that its API has given up.
      Object.assign(client, { authorizationDetailsTypes: stored.metadata.authorization_details_types ?? [] });
      ready.set(stored, client);
    }
    return client;
  };
  if (rooms.configuration.features.requestUris) takeReferencedRequests(provider, rooms.safeFetch);
  leaveOfflineAccessOut(provider);

  const { grantTypeAllowed } = Client.prototype;
  Client.prototype.grantTypeAllowed = function grantTypeAllowedOrRefused(type) {
    const allowed = grantTypeAllowed.call(this, type);
    const { oidc } = (Provider.ctx ?? {}) as Partial<KoaContextWithOIDC>;
    // RFC 6749 §5.2; the engine would call it an invalid request.
    if (!allowed && oidc?.route === 'token' && oidc.params?.grant_type === type) {
      throw new errors.UnauthorizedClient('the client is not registered for this grant type');
    }
    return allowed;
  };

  const supported = allowedResponseTypes(rooms.configuration.features);
  const { responseModeAllowed } = Client.prototype;
  Client.prototype.responseModeAllowed = function modeOfAllowedType(mode, type, profile) {
    const types = typeof type === 'string' ? [...new Set(type.split(' '))].sort().join(' ') : '';
    if (this.responseTypeAllowed(types)) return responseModeAllowed.call(this, mode, type, profile);
    // The engine also knows a type that only the provider's own pages ask for.
    if (types !== '' && !supported.includes(types)) throw new errors.UnsupportedResponseType();
    // Missing or not registered: refused next, and as what it is.
    return true;
  };

  if (rooms.configuration.features.assertionAudiences === 'issuer') {
    const issuerAlone = new Set([provider.issuer]);
    OIDCContext.prototype.clientJwtAuthExpectedAudience = () => issuerAlone;
  }

  // A session, its grants, and their codes and tokens are kept together (lib/grants): each is made next to the one before.
  AuthorizationCode.prototype.generateTokenId = function generateTokenId() {
    return grants.generateId(this.grantId);
  };
  Grant.prototype.generateTokenId = () => {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    return grants.generateId(ctx?.oidc?.session?.uid);
  };
  RefreshToken.prototype.generateTokenId = function generateTokenId() {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    const rotated = ctx === undefined ? undefined : entitiesOf(ctx).RotatedRefreshToken;
    return (
      (rotated === undefined ? undefined : grants.successorOf(rotated.jti)) ?? grants.generateId(this.grantId)
    );
  };
  for (const { prototype } of [AccessToken, ClientCredentials]) {
    const generateEngineTokenId = prototype.generateTokenId;
    prototype.generateTokenId = function generateTokenId() {
      // The engine's own decides the format (and sets it) before it makes an id.
      const id = generateEngineTokenId.call(this);
      return this.format === 'opaque' ? grants.generateId(this.grantId ?? this.subjectGrantId) : id;
    };
  }
  const instantiate = Session.instantiate.bind(Session);
  Session.instantiate = (payload) => {
    const session = instantiate(payload);
    if (payload?.uid === undefined) {
      session.uid = grants.generateId();
      session.id = grants.generateId(session.uid);
    }
    return session;
  };
  const { resetIdentifier } = Session.prototype;
  Session.prototype.resetIdentifier = function resetIdentifierNearby() {
    resetIdentifier.call(this);
    this.id = grants.generateId(this.uid);
  };
}
