import type Koa from 'koa';

/**
 * Fixes the origin that Koa reports for every request of `app` to the issuer's, whatever `Host`, `Forwarded` or
 * `X-Forwarded-*` say: URLs in discovery, redirects and accepted audiences are configuration, never a request's.
 */
export function fixOrigin(app: Koa, issuer: string): void {
  const { protocol, host } = new URL(issuer);
  Object.defineProperties(app.request, {
    protocol: { get: () => protocol.slice(0, -1) },
    host: { get: () => host },
  });
}
