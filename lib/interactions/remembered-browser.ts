import type Koa from 'koa';
import type { RememberedDevices } from '../authentication/second-factors/remembered-devices.ts';
import { browserCookie, setBrowserCookie } from './browser-cookie.ts';

const NAME = 'device';

/** What this browser holds of having been remembered: see RememberedDevices. */
export function heldByBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  return browserCookie(ctx, issuer, NAME);
}

/** Remembers this browser for a person who has just taken the second step in it. */
export async function rememberBrowser(
  ctx: Koa.Context,
  devices: RememberedDevices,
  { issuer, sub }: { issuer: string; sub: string },
): Promise<void> {
  const held = heldByBrowser(ctx, issuer);
  const value = await devices.remember(sub, { held, userAgent: ctx.get('User-Agent') });
  setBrowserCookie(ctx, issuer, { name: NAME, value, seconds: devices.seconds });
}
