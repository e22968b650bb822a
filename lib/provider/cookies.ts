import type { Configuration as EngineConfiguration } from 'oidc-provider';

/** Names of the engine's three cookies for an issuer. */
export interface CookieNames {
  session: string;
  interaction: string;
  resume: string;
}

/**
 * Cookie names by RFC 6265bis §4.1.3: on https the session cookie is `__Host-` (Path=/), while the two that live on one
 * interaction's path can only be `__Secure-`. Plain http exists on loopback alone, where browsers refuse the prefixes.
 */
export function cookieNames(issuer: string): CookieNames {
  const secure = issuer.startsWith('https:');
  return {
    session: secure ? '__Host-latchkey-session' : 'latchkey-session',
    interaction: secure ? '__Secure-latchkey-interaction' : 'latchkey-interaction',
    resume: secure ? '__Secure-latchkey-resume' : 'latchkey-resume',
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
