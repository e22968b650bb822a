import type Koa from 'koa';
import { AccountsUnavailable } from '../accounts/account-adapter.ts';
import { addressGroup } from '../authentication/throttling/address-group.ts';
import { DatabaseUnavailable } from '../database/database-unavailable.ts';
import { StorageUnavailable } from '../grants/storage.ts';
import { ExternalSignerUnavailable } from '../keys/external/external-signer-errors.ts';
import { createReference } from '../observability/error-reference.ts';
import type { Log } from '../observability/log.ts';
import { admitRefusalLine } from '../observability/refusal-lines.ts';
import { noteOf } from '../observability/request-note.ts';
import { REFERENCE_HEADER, whatWasAsked } from '../provider/errors/protocol-errors.ts';
import type { Pages } from './pages/pages.ts';

/** How long (s) a client is asked to wait when a store is in trouble. */
const RETRY_AFTER_SECONDS = '2';

interface Failure {
  status: number;
  /** What a client is told. */
  error: string;
  description: string;
  /** What a page tells, where it has better words than the protocol. */
  pageError?: string;
}

function describeFailure(thrown: unknown): Failure {
  const unavailable = [
    StorageUnavailable,
    AccountsUnavailable,
    DatabaseUnavailable,
    ExternalSignerUnavailable,
  ];
  // What a page asks the engine for fails with the engine's error, whose cause is the store's.
  const causes = [thrown, (thrown as Error | undefined)?.cause];
  if (unavailable.some((kind) => causes.some((cause) => cause instanceof kind))) {
    return { status: 503, error: 'temporarily_unavailable', description: 'please try again in a moment' };
  }
  const { status, expose } = (thrown ?? {}) as { status?: unknown; expose?: unknown };
  if (typeof status !== 'number' || status < 400 || status >= 500 || expose === false) {
    return { status: 500, error: 'server_error', description: 'something went wrong on our side' };
  }
  if (status !== 413) {
    return { status, error: 'invalid_request', description: 'the request could not be understood' };
  }
  const description = 'the request is too large';
  return { status, error: 'invalid_request', description, pageError: 'payload_too_large' };
}

/** Whether this request wants a page rather than JSON. */
export function prefersPage(ctx: Koa.Context): boolean {
  return ctx.accepts('json', 'html') === 'html';
}

/**
 * The one place where a thrown error ends. Bad input and stores in trouble become their status, everything else is a
 * bug: logged with its causes under a reference, answered without details. Headers set before stay (Koa's own handler
 * would drop them). When not even the error page can be drawn, a line of text with the reference takes its place.
 */
export function withErrorBoundary(pages: Pages, log: Log): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      // The engine answers a store in trouble by itself: with nothing of when to come back, but with a challenge at userinfo, as if the token were bad.
      if (ctx.status === 503) {
        ctx.set('Retry-After', RETRY_AFTER_SECONDS);
        ctx.remove('WWW-Authenticate');
      }
    } catch (thrown) {
      const { status, error, description, pageError = error } = describeFailure(thrown);
      const told = status >= 500 || admitRefusalLine(log, addressGroup(ctx.ip).subscriber);
      const reference = told ? createReference() : undefined;
      if (reference !== undefined) ctx.set(REFERENCE_HEADER, reference);
      const requestId = noteOf(ctx.req)?.id;
      const line = {
        ...{ err: thrown, reference, requestId, method: ctx.method, path: ctx.path, status },
        ...whatWasAsked(ctx),
      };
      if (status >= 500) log.error(line, 'request failed');
      else if (told) log.info(line, 'request refused');
      ctx.remove('Set-Cookie');
      ctx.remove('Location');
      ctx.set('Cache-Control', 'no-store');
      ctx.status = status;
      if (status === 503) ctx.set('Retry-After', RETRY_AFTER_SECONDS);
      if (!prefersPage(ctx)) {
        ctx.body = { error, error_description: description };
        return;
      }
      try {
        pages.problem(ctx, { error: pageError, error_description: description, reference });
      } catch (err) {
        log.error({ err, reference }, 'the error page cannot be drawn');
        ctx.type = 'text/plain; charset=utf-8';
        ctx.body = `Something went wrong. Reference: ${reference ?? 'none'}\n`;
      }
    }
  };
}
