import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import { browserCookie, setBrowserCookie } from './browser-cookie.ts';

const NAME = 'known';

/** What this browser holds of people having signed in with it: see KnownBrowsers. */
export function knownByBrowser(ctx: Koa.Context, issuer: string): string | undefined {
  return browserCookie(ctx, issuer, NAME);
}

/** Knows this browser from now on for a person who has just signed in with it. */
export async function knowBrowser(
  ctx: Koa.Context,
  browsers: KnownBrowsers,
  { issuer, account }: { issuer: string; account: Pick<Account, 'sub' | 'login'> },
): Promise<void> {
  const value = await browsers.know(account, knownByBrowser(ctx, issuer));
  if (value !== undefined) setBrowserCookie(ctx, issuer, { name: NAME, value, seconds: browsers.seconds });
}
