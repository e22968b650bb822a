import type Koa from 'koa';
import { cookieName } from '../provider/cookies.ts';

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
