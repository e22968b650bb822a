import { isLoopbackHost } from '../../config/loopback.ts';

/** Whether a URL's host is one of these: `example.com`, `*.example.com` for what is below it, or `loopback`. */
export function hostMatches(url: string, patterns: readonly string[]): boolean {
  const hostname = URL.parse(url)?.hostname ?? '';
  if (hostname === '') return false;
  return patterns.some((pattern) => {
    if (pattern === 'loopback') return isLoopbackHost(hostname);
    return pattern.startsWith('*.') ? hostname.endsWith(pattern.slice(1)) : hostname === pattern;
  });
}
