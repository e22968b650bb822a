import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { PollPace } from '../../authentication/throttling/poll-pace.ts';

/** The longest life (s) of anything that is polled for: so long it is remembered who was told to slow down. */
const LONGEST_WAIT_SECONDS = 1800;

/**
 * Tells clients that ask too often for an answer that is still pending to slow down (RFC 8628 §3.5, OpenID Connect CIBA Core §11). An answer that is there
 * is given however early it is asked for. The engine knows nothing of it.
 */
export function pacePolling(pace: PollPace): Koa.Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.status !== 400) return;
    const { error } = (ctx.body ?? {}) as { error?: unknown };
    if (error !== 'authorization_pending') return;
    const engineContext = ctx as unknown as KoaContextWithOIDC;
    const { device_code: deviceCode, auth_req_id: requestId } = engineContext.oidc.params ?? {};
    const code = deviceCode ?? requestId;
    if (typeof code !== 'string') return;
    if (!(await pace.isTooEarly(code, LONGEST_WAIT_SECONDS))) return;
    ctx.body = {
      error: 'slow_down',
      error_description: 'wait five seconds longer between requests, from now on',
    };
  };
}
