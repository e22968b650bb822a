import { randomBytes } from 'node:crypto';
import type Koa from 'koa';
import { browserCookie, setBrowserCookie } from './browser-cookie.ts';

const NAME = 'upstream';
const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/** The random value by which this browser's ways to other providers are known; undefined when it has begun none. */
export function upstreamBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  const held = browserCookie(ctx, issuer, NAME);
  return held !== undefined && FORM.test(held) ? held : undefined;
}

/** The same, made now when there is none; one for all tabs, each of which may be on its own way. */
export function ensureUpstreamBrowser(ctx: Koa.Context, issuer: string): string {
  const held = upstreamBrowser(ctx, issuer);
  if (held !== undefined) return held;
  const made = randomBytes(BYTES).toString('base64url');
  setBrowserCookie(ctx, issuer, { name: NAME, value: made });
  return made;
}
