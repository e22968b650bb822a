import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { Clients } from '../clients/clients.ts';
import type { Grants } from '../grants/grants.ts';
import { entitiesOf, prototypesOf } from './engine-context.ts';

/**
 * What the engine leaves to inheritance rather than to configuration: how a client secret is compared (only its digest
 * is stored), which audience an assertion must have (the issuer alone, RFC 7523bis), and what identifies a token
 * (time-ordered random ids; a rotated refresh token has the one successor that was chosen when it was issued).
 */
export function completeEngine(provider: Provider, rooms: { clients: Clients; grants: Grants }): void {
  const { clients, grants } = rooms;
  const { Client, OIDCContext, AuthorizationCode, AccessToken, RefreshToken, ClientCredentials, Grant } =
    prototypesOf(provider);

  Client.prototype.compareClientSecret = function compareClientSecret(actual) {
    return clients.verifySecret(this.clientId, actual);
  };

  const issuerAlone = new Set([provider.issuer]);
  OIDCContext.prototype.clientJwtAuthExpectedAudience = () => issuerAlone;

  AuthorizationCode.prototype.generateTokenId = () => grants.generateId();
  Grant.prototype.generateTokenId = () => grants.generateId();
  RefreshToken.prototype.generateTokenId = () => {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    const rotated = ctx === undefined ? undefined : entitiesOf(ctx).RotatedRefreshToken;
    return (rotated === undefined ? undefined : grants.successorOf(rotated.jti)) ?? grants.generateId();
  };
  for (const { prototype } of [AccessToken, ClientCredentials]) {
    const generateEngineTokenId = prototype.generateTokenId;
    prototype.generateTokenId = function generateTokenId() {
      // The engine's own decides the format (and sets it) before it makes an id.
      const id = generateEngineTokenId.call(this);
      return this.format === 'opaque' ? grants.generateId() : id;
    };
  }
}
