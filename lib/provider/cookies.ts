import type { Configuration as EngineConfiguration } from 'oidc-provider';

/** Names of the engine's three cookies for an issuer. */
export interface CookieNames {
  session: string;
  interaction: string;
  resume: string;
}

/**
 * The name of a cookie of ours, by RFC 6265bis §4.1.3: on https a prefix keeps any other host from setting it. `__Host-` goes with
 * Path=/; a cookie of one path (`narrow`) can only be `__Secure-`. Plain http exists on loopback alone, where browsers refuse the prefixes.
 */
export function cookieName(issuer: string, name: string, path: 'root' | 'narrow' = 'root'): string {
  if (!issuer.startsWith('https:')) return `latchkey-${name}`;
  return `${path === 'root' ? '__Host-' : '__Secure-'}latchkey-${name}`;
}

/** Those of the engine's cookies; two of them live on one interaction's path. */
export function cookieNames(issuer: string): CookieNames {
  return {
    session: cookieName(issuer, 'session'),
    interaction: cookieName(issuer, 'interaction', 'narrow'),
    resume: cookieName(issuer, 'resume', 'narrow'),
  };
}

/**
 * The engine's cookie options. Cookies are not signed: each holds nothing but a 256-bit random identifier that is
 * looked up by its digest, so a signature would protect nothing (docs/decisions/0008-unsigned-cookies.md).
 */
export function cookies(issuer: string): NonNullable<EngineConfiguration['cookies']> {
  const options = { httpOnly: true, sameSite: 'lax', signed: false, overwrite: true, path: '/' } as const;
  const { path: _path, ...shortLived } = options;
  return { names: { ...cookieNames(issuer) }, long: options, short: shortLived };
}
