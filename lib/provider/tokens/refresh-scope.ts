import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import { prototypesOf } from '../engine/engine-context.ts';

const OFFLINE_ACCESS = 'offline_access';

/**
 * Takes `offline_access` out of the scope that a refresh asks for, where its refresh token was issued without. OpenID Connect Core §11 has it
 * ignored in an authorization request without `prompt=consent`, and a client may get a refresh token all the same: that ends with the session.
 * Libraries which send the scope of their configuration with every refresh, rather than the one that was granted, would be refused
 * (RFC 6749 §6) over a scope that an access token has no use for. Any other scope that was not granted is refused.
 */
export function leaveOfflineAccessOut(provider: Provider): void {
  const { RefreshToken } = prototypesOf(provider);
  const find = RefreshToken.find.bind(RefreshToken);
  RefreshToken.find = async (value, options) => {
    const token = await find(value, options);
    const { oidc } = (Provider.ctx ?? {}) as Partial<KoaContextWithOIDC>;
    const { params } = oidc ?? {};
    if (token === undefined || params === undefined || oidc?.route !== 'token') return token;
    if (params.grant_type === 'refresh_token' && !token.scopes.has(OFFLINE_ACCESS)) {
      const asked = String(params.scope ?? '').split(' ');
      const others = asked.filter((scope) => scope !== OFFLINE_ACCESS);
      // Without any, it asks for what was granted.
      if (others.length < asked.length) params.scope = others.join(' ') || undefined;
    }
    return token;
  };
}
