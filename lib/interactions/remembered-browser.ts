import type Koa from 'koa';
import type { RememberedDevices } from '../authentication/remembered-devices.ts';

/** As the engine's own (lib/provider/cookies.ts): the prefix keeps it from being set by any other host (RFC 6265bis §4.1.3). */
function cookieName(issuer: string): string {
  return issuer.startsWith('https:') ? '__Host-latchkey-device' : 'latchkey-device';
}

/** What this browser holds of having been remembered: see RememberedDevices. */
export function heldByBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  return ctx.cookies.get(cookieName(issuer), { signed: false });
}

/** Remembers this browser for a person who has just taken the second step in it. */
export async function rememberBrowser(
  ctx: Koa.Context,
  devices: RememberedDevices,
  { issuer, sub }: { issuer: string; sub: string },
): Promise<void> {
  const held = heldByBrowser(ctx, issuer);
  const value = await devices.remember(sub, { held, userAgent: ctx.get('User-Agent') });
  const secure = issuer.startsWith('https:');
  ctx.cookies.secure = secure;
  ctx.cookies.set(cookieName(issuer), value, {
    httpOnly: true,
    sameSite: 'lax',
    signed: false,
    path: '/',
    maxAge: devices.seconds * 1000,
  });
}
