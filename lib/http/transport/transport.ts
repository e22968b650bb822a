import type Koa from 'koa';
import { prefersPage } from '../error-boundary.ts';
import type { Pages } from '../pages/pages.ts';
import { arrivedSecurely, type TrustedProxies } from './client-address.ts';

/**
 * Over what a request came. With an https issuer one that came in the clear is refused: a page is sent to the https address, anything that may carry a secret gets an error
 * (RFC 9700 §4.13).
 */
export function withTransport(issuer: string, proxies: TrustedProxies, pages: Pages): Koa.Middleware {
  const secureIssuer = issuer.startsWith('https:');
  return (ctx, next) => (!secureIssuer || arrivedSecurely(ctx.req, proxies) ? next() : refuse(ctx));

  async function refuse(ctx: Koa.Context): Promise<void> {
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
