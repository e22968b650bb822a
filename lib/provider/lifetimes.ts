import type { Configuration as EngineConfiguration, KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import { LONGEST_API_TOKEN_LIFETIME } from '../clients/apis.ts';
import { entitiesOf } from './engine/engine-context.ts';
import { codeLifetime } from './requests/client-profile.ts';
import { withinGrant } from './tokens/bounded-grants.ts';

/** A session that nobody has signed in to yet (s): enough to finish an interaction, too short to fill the store. */
export const ANONYMOUS_SESSION_SECONDS = 3600;

/**
 * How long a grant lives (s). It must outlive every refresh token issued under it, and one may be issued as late as
 * the last moment of a session; `loadExistingGrant` extends it when less than a refresh token's life is left.
 */
export function grantLifetime(lifetimes: Configuration['lifetimes']): number {
  return lifetimes.refreshToken + lifetimes.session;
}

/** The longest life (s) of anything that our keys sign: a retired key stays published at least this long. */
export function maximumTokenLifetime(lifetimes: Configuration['lifetimes']): number {
  const { accessToken, idToken, clientCredentials } = lifetimes;
  return Math.max(accessToken, idToken, clientCredentials, LONGEST_API_TOKEN_LIFETIME);
}

/** The engine's lifetimes, in seconds. */
export function lifetimes(configured: Configuration['lifetimes']): NonNullable<EngineConfiguration['ttl']> {
  return {
    AccessToken: (ctx, token) =>
      withinGrant(ctx, token.resourceServer?.accessTokenTTL ?? configured.accessToken),
    ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? configured.clientCredentials,
    AuthorizationCode: (_ctx, _code, client) => codeLifetime(client, configured.authorizationCode),
    DeviceCode: configured.deviceCode,
    IdToken: configured.idToken,
    Interaction: configured.interaction,
    Grant: grantLifetime(configured),
    // RFC 9700 §4.14.2: rotation never prolongs; the absolute limit is that of the family's first token.
    RefreshToken: (ctx) => withinGrant(ctx, rotatedLifetime(ctx) ?? configured.refreshToken),
    Session: (_ctx, session) =>
      session.accountId === undefined ? ANONYMOUS_SESSION_SECONDS : configured.session,
  };
}

function rotatedLifetime(ctx: KoaContextWithOIDC): number | undefined {
  const rotated = entitiesOf(ctx).RotatedRefreshToken;
  return rotated === undefined ? undefined : Math.max(1, rotated.remainingTTL);
}
