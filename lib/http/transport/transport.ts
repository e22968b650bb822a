import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import type { Log } from '../../observability/log.ts';
import { prefersPage } from '../error-boundary.ts';
import type { Pages } from '../pages/pages.ts';
import { arrivedSecurely, comesFromProxy, peerOf, type TrustedProxies } from './client-address.ts';

/** How often (ms) the log hears of requests in the clear at most: anybody may send them. */
const TELL_MILLISECONDS = 60_000;

/** Whether a request came over what is demanded: any way with an http issuer (on loopback), TLS with an https one. */
export function transportCheck(
  issuer: string,
  proxies: TrustedProxies,
): (request: IncomingMessage) => boolean {
  const secureIssuer = issuer.startsWith('https:');
  return (request) => !secureIssuer || arrivedSecurely(request, proxies);
}

/**
 * Over what a request came. With an https issuer one that came in the clear is refused: a page is sent to the https address, anything that may carry a secret gets an error
 * (RFC 9700 §4.13). Behind a proxy that is not believed, every request looks like that, and a browser is sent around in a circle: the log says what to
 * do about it.
 */
export function withTransport(
  issuer: string,
  proxies: TrustedProxies,
  { pages, log }: { pages: Pages; log: Log },
): Koa.Middleware {
  const isAccepted = transportCheck(issuer, proxies);
  let nextTelling = 0;
  return (ctx, next) => (isAccepted(ctx.req) ? next() : refuse(ctx));

  function tell({ req: request }: Koa.Context): void {
    const now = Date.now();
    if (now < nextTelling) return;
    nextTelling = now + TELL_MILLISECONDS;
    log.warn(
      { address: peerOf(request) },
      comesFromProxy(request, proxies)
        ? 'refused a request that came in the clear, as far as the trusted proxy says: have it send X-Forwarded-Proto: https'
        : 'refused a request that came in the clear: if this peer is your proxy, name it in trusted_proxies, and have it send X-Forwarded-Proto: https',
    );
  }

  async function refuse(ctx: Koa.Context): Promise<void> {
    tell(ctx);
    if (ctx.method === 'GET' || ctx.method === 'HEAD') {
      ctx.status = 308;
      // Put together, not resolved: `//elsewhere.example` as a path would resolve to another host.
      ctx.redirect(`${issuer}/${ctx.url.replace(/^\/+/, '')}`);
      return;
    }
    ctx.status = 400;
    const wire = { error: 'invalid_request', error_description: 'https is required' };
    if (prefersPage(ctx)) pages.problem(ctx, wire);
    else ctx.body = wire;
  }
}
