import { randomInt } from 'node:crypto';
import type Koa from 'koa';
import { AccountsUnavailable } from '../accounts/account-adapter.ts';
import { StorageUnavailable } from '../grants/storage.ts';
import type { Log } from '../observability/log.ts';
import type { Pages } from './pages.ts';

/** No vowels and no look-alikes: a reference is read out over the phone and never spells a word. */
const REFERENCE_ALPHABET = '23456789BCDFGHJKMNPQRTVWXZ';

/** A short random reference that an error page shows and the log line of the same event carries. */
export function createReference(): string {
  return Array.from({ length: 8 }, () => REFERENCE_ALPHABET[randomInt(REFERENCE_ALPHABET.length)]).join('');
}

/** How long (s) a client is asked to wait when a store is in trouble. */
const RETRY_AFTER_SECONDS = '2';

function statusOf(error: unknown): number {
  if (error instanceof StorageUnavailable || error instanceof AccountsUnavailable) return 503;
  const { status, expose } = error as { status?: unknown; expose?: unknown };
  return typeof status === 'number' && status >= 400 && status < 500 && expose !== false ? status : 500;
}

function wireError(status: number): { error: string; error_description: string } {
  if (status === 503) {
    return { error: 'temporarily_unavailable', error_description: 'please try again in a moment' };
  }
  if (status >= 500) return { error: 'server_error', error_description: 'something went wrong on our side' };
  if (status === 413) return { error: 'invalid_request', error_description: 'the request is too large' };
  return { error: 'invalid_request', error_description: 'the request could not be understood' };
}

/** Whether this request wants a page rather than JSON. */
export function prefersPage(ctx: Koa.Context): boolean {
  return ctx.accepts('json', 'html') === 'html';
}

/**
 * The one place where a thrown error ends. Bad input and stores in trouble become their status, everything else is a
 * bug: logged with its causes under a reference, answered without details. Headers set before stay (Koa's own handler
 * would drop them).
 */
export function withErrorBoundary(pages: Pages, log: Log): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const status = statusOf(error);
      const reference = createReference();
      const line = { err: error, reference, method: ctx.method, path: ctx.path, status };
      if (status >= 500) log.error(line, 'request failed');
      else log.info(line, 'request refused');
      ctx.remove('Set-Cookie');
      ctx.remove('Location');
      ctx.status = status;
      if (status === 503) ctx.set('Retry-After', RETRY_AFTER_SECONDS);
      const wire = wireError(status);
      if (prefersPage(ctx)) pages.problem(ctx, { ...wire, reference });
      else ctx.body = wire;
    }
  };
}
