import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Sealer } from '../../database/sealer.ts';
import { cookieName } from '../cookies.ts';
import { isStaleLogout } from '../logout/logout-form.ts';

/** Where the frame is that compares states (OpenID Connect Session Management §3.2). */
export const CHECK_SESSION_PATH = '/session/check';

/**
 * The cookie that stands for the browser's state (OpenID Connect Session Management §3.1). The frame's script reads it, inside
 * other sites' pages; it is a digest, by which nobody is let in.
 */
export function browserStateCookie(issuer: string) {
  const secure = issuer.startsWith('https:');
  return {
    name: cookieName(issuer, 'state'),
    options: {
      httpOnly: false,
      // Browsers take `None` over https alone; on loopback all ports are one site.
      sameSite: secure ? ('none' as const) : ('lax' as const),
      secure,
      signed: false,
      overwrite: true,
      path: '/',
    },
  };
}

/** `session_state` (§3): what a client shows to the frame. The frame's script computes the same (views/browser/check-session.js). */
function sessionState({
  clientId,
  origin,
  browserState,
}: {
  clientId: string;
  origin: string;
  browserState: string;
}): string {
  const salt = randomBytes(12).toString('base64url');
  const digest = createHash('sha256').update(`${clientId} ${origin} ${browserState} ${salt}`);
  return `${digest.digest('hex')}.${salt}`;
}

/** OpenID Connect Session Management, which the engine lacks: `session_state` in answers, and the browser's state in a cookie. */
export function addSessionState(
  provider: Provider,
  { issuer, sealer }: { issuer: string; sealer: Sealer },
): void {
  const key = sealer.derive('browser-state');
  const { name, options } = browserStateCookie(issuer);
  provider.on('authorization.success', (ctx, out) => {
    const { session, client, params } = ctx.oidc;
    const origin = URL.parse(String(params?.redirect_uri ?? ''))?.origin ?? 'null';
    // An application with a scheme of its own has no origin, nor a frame.
    if (session === undefined || client === undefined || origin === 'null') return;
    const { uid, accountId, loginTs } = session;
    const browserState = createHmac('sha256', key)
      .update(`${uid} ${accountId} ${loginTs}`)
      .digest('base64url');
    ctx.cookies.secure = options.secure;
    ctx.cookies.set(name, browserState, options);
    const state = sessionState({ clientId: client.clientId, origin, browserState });
    (out as Record<string, unknown>).session_state = state;
  });
  const forget = (ctx: KoaContextWithOIDC): void => {
    ctx.cookies.secure = options.secure;
    ctx.cookies.set(name, null, options);
  };
  provider.on('end_session.success', (ctx) => {
    // Without `logout` the person is still signed in here.
    if (ctx.oidc.params?.logout) forget(ctx);
  });
  // Of a form that was sent twice the browser drops the first answer, with what that says of its cookies.
  (provider as EventEmitter).on('end_session_confirm.error', (ctx: KoaContextWithOIDC, error: Error) => {
    const session = ctx.oidc.session as { accountId?: string; new?: true } | undefined;
    // `new`: it sent no session's cookie, as with a form of another site.
    const hasEnded = session !== undefined && session.accountId === undefined && session.new !== true;
    if (hasEnded && isStaleLogout(ctx, error)) forget(ctx);
  });
}
