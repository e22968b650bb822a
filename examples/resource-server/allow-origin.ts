import type { Middleware } from 'koa';

/**
 * Lets the pages of one origin call this API (CORS). Tokens come in a header and not in a cookie, so credentials are not
 * allowed; `WWW-Authenticate` is shown to scripts because it says what to do about a refused token.
 */
export function allowOrigin(origin: string): Middleware {
  return async (ctx, next) => {
    ctx.vary('Origin');
    if (ctx.get('Origin') !== origin) return next();
    ctx.set('Access-Control-Allow-Origin', origin);
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate, Retry-After');
    if (ctx.method !== 'OPTIONS') return next();
    ctx.set('Access-Control-Allow-Methods', 'GET, POST');
    ctx.set('Access-Control-Allow-Headers', 'Authorization, Content-Type');
    ctx.set('Access-Control-Max-Age', '600');
    ctx.status = 204;
  };
}
