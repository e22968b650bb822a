/** Claims of a JWT access token, RFC 9068 §2.2. Times are seconds since the epoch. */
export interface AccessTokenClaims {
  readonly iss: string;
  readonly aud: string | readonly string[];
  readonly exp: number;
  readonly nbf?: number;
  readonly iat: number;
  readonly jti: string;
  /** The person; for a client acting for itself, the client. */
  readonly sub: string;
  readonly client_id: string;
  /** Space-separated. */
  readonly scope?: string;
  /** When and how the person signed in. */
  readonly auth_time?: number;
  readonly acr?: string;
  readonly amr?: readonly string[];
  /** What it is bound to: a key (RFC 9449 §6.1), a certificate (RFC 8705 §3.1). */
  readonly cnf?: { readonly jkt?: string; readonly 'x5t#S256'?: string };
}

/** The scopes that a token was given. */
export function scopesOf(claims: AccessTokenClaims): ReadonlySet<string> {
  return new Set((claims.scope ?? '').split(' ').filter((scope) => scope !== ''));
}

/**
 * Holds a payload, whose signature, `iss`, `aud` and times were already checked, to the types that RFC 9068 §2.2 gives
 * its claims. Answers the claims, or what is wrong with them.
 */
export function parseClaims(payload: Readonly<Record<string, unknown>>): AccessTokenClaims | string {
  for (const claim of ['sub', 'client_id', 'jti']) {
    const value = payload[claim];
    if (typeof value !== 'string' || value === '') return `"${claim}" claim is not a non-empty string`;
  }
  if (typeof payload.iat !== 'number') return '"iat" claim is not a number';
  if (payload.scope !== undefined && typeof payload.scope !== 'string')
    return '"scope" claim is not a string';
  return payload as unknown as AccessTokenClaims;
}
