import { BASE_POLICY, policyText } from '../security-headers.ts';

const LOOPBACK_HOSTS = new Set(['localhost', '127.0.0.1']);

/**
 * Where a page's form may end up. Chromium applies `form-action` to the whole redirect chain that follows a form, which
 * runs through the client's redirect URI and often beyond it to other addresses of that application; so any https
 * address is allowed, and loopback or a private-use scheme only for the client that registered one.
 */
export function formTargets(redirectUri: string | readonly string[] | undefined): string[] {
  if (typeof redirectUri === 'object') return [...new Set(redirectUri.flatMap((each) => formTargets(each)))];
  const url = redirectUri === undefined ? null : URL.parse(redirectUri);
  if (url === null) return ["'self'"];
  if (url.protocol === 'https:') return ["'self'", 'https:'];
  // CSP has no form for an IPv6 host (browsers ignore it and complain), so that loopback needs the whole scheme.
  if (url.hostname === '[::1]') return ["'self'", 'https:', 'http:'];
  if (url.protocol === 'http:') {
    return LOOPBACK_HOSTS.has(url.hostname)
      ? ["'self'", 'https:', 'http://localhost:*', 'http://127.0.0.1:*']
      : ["'self'", 'https:'];
  }
  return ["'self'", 'https:', url.protocol];
}

/** The policy of a page whose forms lead on to `redirectUri`, or nowhere else when there is none, and which shows these images. */
export function pagePolicy(
  redirectUri: string | readonly string[] | undefined,
  images: ReadonlyArray<string | undefined> = [],
): string {
  const sources = images.map(imageSource).filter((source) => source !== undefined);
  return policyText({
    ...BASE_POLICY,
    'form-action': formTargets(redirectUri),
    'img-src': [...(BASE_POLICY['img-src'] as string[]), ...new Set(sources)],
  });
}

function imageSource(image: string | undefined): string | undefined {
  return image !== undefined && URL.parse(image)?.protocol === 'https:' ? addressSource(image) : undefined;
}

/** One address as a source expression: without its query, which a policy cannot name, and without what would end the policy's word. */
export function addressSource(address: string): string {
  const { origin, pathname } = new URL(address);
  return origin + pathname.replaceAll(';', '%3B').replaceAll(',', '%2C');
}
