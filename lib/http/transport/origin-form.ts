/**
 * The request target in origin-form (RFC 9112 §3.2.1): a path and a query. A target in absolute-form, which every
 * server must accept (§3.2.2), names an origin that counts no more than the `Host` header does. A fragment, which no
 * target has (§3.2), is dropped, so that everybody who reads the target sees the same path in it.
 */
export function originForm(target: string): string {
  const fragment = target.indexOf('#');
  const sent = fragment === -1 ? target : target.slice(0, fragment);
  if (sent.startsWith('/')) return sent;
  const url = URL.parse(sent);
  return url === null || !url.pathname.startsWith('/') ? '/' : `${url.pathname}${url.search}`;
}
