import { isLoopbackHost } from '../../config/loopback.ts';

/** Longest URI that is stored: what browsers and proxies handle everywhere. */
const LONGEST_URI = 2048;

/** The loopback interface as redirect URIs name it (RFC 8252 §7.3, §8.3). */
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

export type ApplicationType = 'web' | 'native';

/**
 * Why `uri` cannot be a redirect URI, or undefined when it can. Redirection is by exact comparison (RFC 9700 §4.1.3), so a
 * URI must be written the one way a browser writes it; what only looks like https, or hides where it goes, is refused.
 *
 * Accepted: https anywhere; http on a loopback address (RFC 8252 §7.3); for native applications a private-use scheme
 * in reverse-domain form (RFC 8252 §7.1: with a dot, which no dangerous scheme has) but no https on a loopback address.
 */
export function redirectUriProblem(uri: string, applicationType: ApplicationType): string | undefined {
  if (uri.length > LONGEST_URI) return `is longer than ${LONGEST_URI} characters`;
  if (!/^[\x21-\x7e]+$/.test(uri)) return 'may contain visible ASCII characters only';
  if (/["'<>\\^`{|}]/.test(uri)) return 'contains a character that a URI may not contain';
  if (uri.includes('#')) return 'must not have a fragment (RFC 6749 §3.1.2)';
  if (uri.includes('*')) return 'must not contain a wildcard: it is compared character by character';
  const parsed = URL.parse(uri);
  if (parsed === null) return 'is not an absolute URI';
  if (parsed.username !== '' || parsed.password !== '') return 'must not contain a user name or password';
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme === 'https' || scheme === 'http') {
    const loopback = LOOPBACK_HOSTS.includes(parsed.hostname);
    if (scheme === 'http' && !loopback) return 'must use https (http is for loopback addresses alone)';
    if (scheme === 'https' && loopback && applicationType === 'native') {
      return 'must use http on a loopback address for a native application';
    }
  } else {
    if (!scheme.includes('.')) {
      return `must use https, http on a loopback address, or a private-use scheme such as com.example.app (not ${scheme}:)`;
    }
    if (applicationType !== 'native') return 'uses a private-use scheme, which needs application_type native';
  }
  const path = decodeDots(uri.slice(uri.indexOf(':') + 1).split('?', 1)[0] as string);
  if (/(^|\/)\.{1,2}(\/|$)/.test(path)) return 'must not contain . or .. as a path segment';
  if (parsed.href !== uri && parsed.href !== `${uri}/`)
    return `must be written in its normal form, ${parsed.href}`;
  return undefined;
}

/** Whether a redirect URI leads to a program of the person's own device (RFC 8252 §7), where any other may be in its place. */
export function leadsToOwnDevice(uri: string): boolean {
  const url = URL.parse(uri);
  if (url === null) return false;
  return url.protocol === 'http:' ? isLoopbackHost(url.hostname) : url.protocol !== 'https:';
}

function decodeDots(path: string): string {
  return path.replace(/%2e/gi, '.');
}

/** Why `uri` cannot be linked to or fetched from, or undefined when it can: https, or http on a loopback address. */
export function webUriProblem(uri: string): string | undefined {
  if (uri.length > LONGEST_URI) return `is longer than ${LONGEST_URI} characters`;
  if (!/^[\x21-\x7e]+$/.test(uri)) return 'may contain visible ASCII characters only';
  const parsed = URL.parse(uri);
  if (parsed === null) return 'is not an absolute URI';
  if (parsed.username !== '' || parsed.password !== '') return 'must not contain a user name or password';
  if (parsed.protocol === 'https:' || (parsed.protocol === 'http:' && isLoopbackHost(parsed.hostname)))
    return undefined;
  return 'must use https (http is for loopback addresses alone)';
}
