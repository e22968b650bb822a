import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import { noteOf } from '../observability/request-note.ts';
import { FORM_STEPS, SHOWN_STEPS } from './interaction-steps.ts';
import { comesFromProxy, type TrustedProxies } from './transport/client-address.ts';

const STEPS: ReadonlySet<string> = new Set([...FORM_STEPS, ...SHOWN_STEPS]);
const MAIL_LINK_PATH = /^\/(reset-password|register|verify-email)(\/done)?$/;

/** A name for where a request went: the engine's own for its routes, ours for the rest. Never a path: those have no bounds. */
function endpointOf(ctx: Koa.Context): string {
  // The engine's router leaves it here, before there is an OIDC context to ask.
  const { routerName } = ctx as { routerName?: unknown };
  if (typeof routerName === 'string') return routerName.startsWith('cors.') ? 'preflight' : routerName;
  if (ctx.path.startsWith('/interaction/')) {
    const step = ctx.path.slice(ctx.path.lastIndexOf('/') + 1);
    return STEPS.has(step) ? `interaction_${step.replaceAll('-', '_')}` : 'interaction';
  }
  if (ctx.path === '/') return 'home';
  if (ctx.path === '/language') return 'language';
  if (ctx.path === '/account' || ctx.path.startsWith('/account/')) return 'account';
  if (MAIL_LINK_PATH.test(ctx.path)) return 'mail_link';
  if (ctx.path.startsWith('/token-status-lists/')) return 'token_status_list';
  return ctx.path.startsWith('/assets/') ? 'asset' : 'other';
}

/** Notes where each request went and what error it was answered with, for metrics, spans and the log. */
export async function withRequestNotes(ctx: Koa.Context, next: Koa.Next): Promise<void> {
  await next();
  const note = noteOf(ctx.req);
  if (note === undefined) return;
  note.endpoint = endpointOf(ctx);
  if (ctx.status < 400 || note.error !== undefined) return;
  const { error } = (typeof ctx.body === 'object' && ctx.body !== null ? ctx.body : {}) as {
    error?: unknown;
  };
  if (typeof error === 'string') note.error = error;
}

/** Notes the error that a page tells, or a redirect carries. */
export function noteError(request: IncomingMessage, error: string): void {
  const note = noteOf(request);
  if (note !== undefined) note.error = error;
}

/** The id that a trusted proxy gave a request, so that its log and ours can be read together; anybody else's is not adopted. */
export function adoptedRequestId(proxies: TrustedProxies): (request: IncomingMessage) => string | undefined {
  return (request) => {
    const id = request.headers['x-request-id'];
    return typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) && comesFromProxy(request, proxies)
      ? id
      : undefined;
  };
}
