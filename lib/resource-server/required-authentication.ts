import type { AccessTokenClaims } from './access-token-claims.ts';

/** How the person must have signed in for what is asked of the API (RFC 9470). */
export interface RequiredAuthentication {
  /** `acr` must be one of these; name stronger ones too. */
  acrValues?: readonly string[];
  /** How long ago (s) the sign-in may be. */
  maxAge?: number;
}

/** Whether a token tells of such a sign-in. One that does not tell has none to show. `tolerance` of the clocks in seconds. */
export function isAuthenticated(
  { acr, auth_time: signedInAt }: Pick<AccessTokenClaims, 'acr' | 'auth_time'>,
  { acrValues, maxAge }: RequiredAuthentication,
  tolerance: number,
): boolean {
  if (acrValues !== undefined && (acr === undefined || !acrValues.includes(acr))) return false;
  if (maxAge === undefined) return true;
  return signedInAt !== undefined && Date.now() / 1000 - signedInAt <= maxAge + tolerance;
}
