/**
 * Answers a URL that tokens may be judged by: https, or http that does not leave the machine. Over plain http whoever
 * sits on the wire chooses the keys.
 *
 * @throws {TypeError} for any other.
 */
export function secureUrl(url: string, name: string): string {
  const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' };
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
  if (protocol === 'https:' || (protocol === 'http:' && loopback)) return url;
  throw new TypeError(`${name} must be an https URL (http on loopback): ${url}`);
}
