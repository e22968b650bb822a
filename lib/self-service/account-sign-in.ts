import { createHmac, timingSafeEqual } from 'node:crypto';
import type Koa from 'koa';
import { FRESH_SECONDS } from '../authentication/recent-proof.ts';
import { browserNonce, ensureBrowserNonce } from '../interactions/browser-cookie.ts';
import { ACCOUNT_CLIENT_ID, ACCOUNT_SIGNED_IN_PATH } from '../provider/sign-in/account-client.ts';
import type { SignInDemand } from './sign-in-demand.ts';

/** Where a sign-in may lead back to: a page of this room, by GET, with its query. */
const OWN_PAGE = /^\/account(?:\/[\w-]+)*(?:\?[\w=&%.~+-]*)?$/;
const COOKIE = 'account';

/** The way to the sign-in and back. */
export interface AccountSignIn {
  /** The address that asks the engine to sign somebody in, for the page that is asked for now. */
  begin(ctx: Koa.Context, demand: SignInDemand & { login?: string }): string;
  /** Where to go on, for a browser that comes back; undefined when this browser did not ask. */
  end(ctx: Koa.Context): string | undefined;
}

/**
 * Sign-in for the account page, by the engine's own authorization endpoint: nothing comes back but the browser, whose session then
 * tells who it is. `state` says where it was going, and is bound to this browser by a cookie, so that nobody else's link
 * comes in by this door (RFC 9700 §4.7).
 */
export function createAccountSignIn({ issuer, key }: { issuer: string; key: Buffer }): AccountSignIn {
  const macOf = (nonce: string, page: string): Buffer =>
    createHmac('sha256', key).update(`${nonce}:${page}`).digest();

  return {
    begin(ctx, { fresh, acr, login }) {
      const asked = ctx.method === 'GET' || ctx.method === 'HEAD' ? ctx.url : ctx.path;
      const page = OWN_PAGE.test(asked) ? asked : '/account';
      const mac = macOf(ensureBrowserNonce(ctx, issuer, COOKIE), page).toString('base64url');
      const parameters = new URLSearchParams({
        client_id: ACCOUNT_CLIENT_ID,
        response_type: 'none',
        scope: 'openid',
        redirect_uri: `${issuer}${ACCOUNT_SIGNED_IN_PATH}`,
        state: `${mac}.${page}`,
      });
      if (fresh === true) parameters.set('max_age', String(FRESH_SECONDS));
      if (acr !== undefined) parameters.set('acr_values', acr);
      if (login !== undefined) parameters.set('login_hint', login);
      return `/auth?${parameters}`;
    },

    end(ctx) {
      const { state } = ctx.query;
      const [, given, page] = /^([\w-]{43})\.(.+)$/.exec(typeof state === 'string' ? state : '') ?? [];
      const nonce = browserNonce(ctx, issuer, COOKIE);
      if (given === undefined || page === undefined || nonce === undefined) return undefined;
      const expected = macOf(nonce, page);
      const actual = Buffer.from(given, 'base64url');
      return actual.length === expected.length && timingSafeEqual(actual, expected) ? page : undefined;
    },
  };
}
