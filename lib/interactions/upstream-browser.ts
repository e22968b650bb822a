import { randomBytes } from 'node:crypto';
import type Koa from 'koa';

const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/** As the engine's own (lib/provider/cookies.ts): the prefix keeps it from being set by any other host (RFC 6265bis §4.1.3). */
function cookieName(issuer: string): string {
  return issuer.startsWith('https:') ? '__Host-latchkey-upstream' : 'latchkey-upstream';
}

/** The random value by which this browser's ways to other providers are known; undefined when it has begun none. */
export function upstreamBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  const held = ctx.cookies.get(cookieName(issuer), { signed: false });
  return held !== undefined && FORM.test(held) ? held : undefined;
}

/** The same, made now when there is none; one for all tabs, each of which may be on its own way. */
export function ensureUpstreamBrowser(ctx: Koa.Context, issuer: string): string {
  const held = upstreamBrowser(ctx, issuer);
  if (held !== undefined) return held;
  const made = randomBytes(BYTES).toString('base64url');
  ctx.cookies.secure = issuer.startsWith('https:');
  ctx.cookies.set(cookieName(issuer), made, { httpOnly: true, sameSite: 'lax', signed: false, path: '/' });
  return made;
}
