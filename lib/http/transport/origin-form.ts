/**
 * The request target in origin-form (RFC 9112 §3.2.1): a path and a query. A target in absolute-form, which every
 * server must accept (§3.2.2), names an origin that counts no more than the `Host` header does.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const url = URL.parse(target);
  return url === null || !url.pathname.startsWith('/') ? '/' : `${url.pathname}${url.search}`;
}
