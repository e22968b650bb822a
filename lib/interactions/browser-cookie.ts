import { randomBytes } from 'node:crypto';
import type Koa from 'koa';
import { cookieName } from '../provider/cookies.ts';

const NONCE_BYTES = 32;
const NONCE_FORM = /^[\w-]{43}$/;

/** What a browser holds in a cookie of ours. */
export function browserCookie(ctx: Koa.Context, issuer: string, name: string): string | undefined {
  return ctx.cookies.get(cookieName(issuer, name), { signed: false });
}

/**
 * Has a browser hold something for so long (s; until it is closed when none is given), for us alone: no script reads it, and no other
 * site has it sent with a form.
 */
export function setBrowserCookie(
  ctx: Koa.Context,
  issuer: string,
  { name, value, seconds }: { name: string; value: string; seconds?: number },
): void {
  ctx.cookies.secure = issuer.startsWith('https:');
  ctx.cookies.set(cookieName(issuer, name), value, {
    httpOnly: true,
    sameSite: 'lax',
    signed: false,
    path: '/',
    ...(seconds === undefined ? {} : { maxAge: seconds * 1000 }),
  });
}

/** A random value by which a browser is known in a cookie of ours; undefined when it has none. */
export function browserNonce(ctx: Koa.Context, issuer: string, name: string): string | undefined {
  const held = browserCookie(ctx, issuer, name);
  return held !== undefined && NONCE_FORM.test(held) ? held : undefined;
}

/** The same, made now when there is none; one for all tabs, each of which may be on its own way. */
export function ensureBrowserNonce(ctx: Koa.Context, issuer: string, name: string): string {
  const held = browserNonce(ctx, issuer, name);
  if (held !== undefined) return held;
  const value = randomBytes(NONCE_BYTES).toString('base64url');
  setBrowserCookie(ctx, issuer, { name, value });
  return value;
}
