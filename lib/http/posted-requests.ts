import { bodyParser } from '@koa/bodyparser';
import type Koa from 'koa';
import type { Pages } from './pages/pages.ts';

/** Where OpenID Connect wants POST as well as GET: Core §3.1.2.1, and RP-Initiated Logout §2. */
const PATHS: ReadonlySet<string> = new Set(['/auth', '/session/end']);
/** Marks what our own page has sent, from the provider's own site. */
const RESENT = 'resent';
/** Bytes of a path with its query that every proxy and server takes (nginx: 8 KiB for the whole request line). */
const LONGEST_LINE = 7500;
/** The same limit as the engine's own for its endpoints. */
const FORM_LIMIT = '56kb';

/**
 * Turns requests by POST into the same ones by GET, all that the engine knows: its own way wants cookies that other sites' forms may
 * use (docs/decisions/0017-post-authorization.md). A form from another site brings no `SameSite=Lax` cookie, a navigation to
 * where a 303 leads does. What is too long for an address goes through a page that sends the form once more, now from
 * this site, and is then answered as it stands. Nothing is stored, and what comes twice is still there twice.
 */
export function withPostedRequests(pages: Pick<Pages, 'resend' | 'problem'>): Koa.Middleware {
  const read = bodyParser({ enableTypes: ['form'], formLimit: FORM_LIMIT });

  function pass(ctx: Koa.Context): boolean {
    if (ctx.is('application/x-www-form-urlencoded') === false) {
      ctx.status = 400;
      pages.problem(ctx, {
        error: 'invalid_request',
        error_description: 'a request by POST must be a form (application/x-www-form-urlencoded)',
      });
      return false;
    }
    const fields = new URLSearchParams((ctx.request as { rawBody?: string }).rawBody ?? '');
    const target = `${ctx.path}?${fields}`;
    if (ctx.querystring === RESENT) {
      ctx.method = 'GET';
      ctx.url = target;
      return true;
    }
    if (target.length <= LONGEST_LINE) {
      ctx.status = 303;
      ctx.redirect(target);
    } else {
      pages.resend(ctx, { action: `${ctx.path}?${RESENT}`, fields: [...fields] });
    }
    return false;
  }

  return async (ctx, next) => {
    if (ctx.method !== 'POST' || !PATHS.has(ctx.path)) return next();
    let passed = false;
    await read(ctx, async () => {
      passed = pass(ctx);
    });
    return passed ? next() : undefined;
  };
}
