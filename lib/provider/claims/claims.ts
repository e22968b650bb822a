import type { Configuration as EngineConfiguration } from 'oidc-provider';
import { CLAIMS_BY_SCOPE } from '../../accounts/claims-by-scope.ts';

/** The engine's claims and scopes: the standard ones; scopes of APIs are added by their resource (resources.ts). */
export function claimsAndScopes(): Pick<EngineConfiguration, 'claims' | 'scopes' | 'conformIdTokenClaims'> {
  return {
    claims: {
      ...Object.fromEntries(Object.entries(CLAIMS_BY_SCOPE).map(([scope, claims]) => [scope, [...claims]])),
      acr: null,
      amr: null,
      auth_time: null,
      iss: null,
      sid: null,
    },
    scopes: ['openid', 'offline_access', 'profile', 'email', 'address', 'phone', 'groups'],
    // OpenID Connect Core §5.4: with an access token that can ask userinfo, scope claims come from userinfo.
    conformIdTokenClaims: true,
  };
}
