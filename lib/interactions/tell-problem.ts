import type Koa from 'koa';

const STATUSES: Readonly<Record<string, number>> = { 'form-rejected': 403, throttled: 429, unavailable: 503 };

/**
 * Sets the status of an answer that shows a page again with what came of its form: 403, 429 (with when to try once more, RFC 6585 §4) and
 * 503 for what their kinds say, else 422. When to come back to a server that cannot judge now, lib/http says.
 */
export function tellProblem(ctx: Koa.Context, problem: { kind: string; retryAfter?: number }): void {
  ctx.status = STATUSES[problem.kind] ?? 422;
  if (problem.retryAfter !== undefined) ctx.set('Retry-After', String(problem.retryAfter));
}
