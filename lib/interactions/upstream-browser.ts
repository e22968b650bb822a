import type Koa from 'koa';
import { browserNonce, ensureBrowserNonce } from './browser-cookie.ts';

const NAME = 'upstream';

/** What this browser's ways to other providers are known by; undefined when it has begun none. */
export function upstreamBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  return browserNonce(ctx, issuer, NAME);
}

/** The same, made now when there is none. */
export function ensureUpstreamBrowser(ctx: Koa.Context, issuer: string): string {
  return ensureBrowserNonce(ctx, issuer, NAME);
}
