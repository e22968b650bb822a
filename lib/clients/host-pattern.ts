import { isLoopbackHost } from '../../config/loopback.ts';

/**
 * Whether a web address's host is one of these: `example.com`, `*.example.com` for what is below it, or `loopback`. A private-use
 * scheme has no host that anybody owns, whatever stands behind its slashes. The root's dot (`example.com.`) names the same host.
 */
export function hostMatches(url: string, patterns: readonly string[]): boolean {
  const { protocol, hostname: written } = URL.parse(url) ?? {};
  const hostname = written?.replace(/\.$/, '') ?? '';
  if (hostname === '' || (protocol !== 'https:' && protocol !== 'http:')) return false;
  return patterns.some((pattern) => {
    if (pattern === 'loopback') return isLoopbackHost(hostname);
    return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
  });
}
