import type { Configuration as EngineConfiguration } from 'oidc-provider';

/** Claims by scope, OpenID Connect Core §5.4. */
export const CLAIMS_BY_SCOPE: Readonly<Record<string, ReadonlyArray<string>>> = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
};

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
    scopes: ['openid', 'offline_access', 'profile', 'email', 'address', 'phone'],
    // OpenID Connect Core §5.4: with an access token that can ask userinfo, scope claims come from userinfo.
    conformIdTokenClaims: true,
  };
}
