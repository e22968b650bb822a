import type Koa from 'koa';
import { browserStateCookie, CHECK_SESSION_PATH } from '../../provider/sign-in/session-management.ts';
import { policyText } from '../security-headers.ts';
import type { StaticAssets } from './static-assets.ts';

/**
 * The frame of OpenID Connect Session Management §3.2. Any application may embed it: it shows nothing, takes no click, and
 * answers whether a state that one has is the present one.
 */
export function withCheckSession(issuer: string, assets: StaticAssets): Koa.Middleware {
  const { name } = browserStateCookie(issuer);
  const body = `<!doctype html><html lang="en"><title>Session</title><body data-cookie="${name}"><script src="${assets.assetUrl('check-session.js')}"></script></body></html>`;
  const policy = policyText({
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'none'"],
    'frame-ancestors': ['*'],
  });
  return (ctx, next) => {
    if (ctx.path !== CHECK_SESSION_PATH || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    ctx.set('Content-Security-Policy', policy);
    ctx.set('Cache-Control', 'public, max-age=300');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = body;
    return undefined;
  };
}
