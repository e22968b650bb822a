import type { Configuration as EngineConfiguration, KoaContextWithOIDC } from 'oidc-provider';
import type { FormState } from '../../grants/session-forms.ts';
import { formerStateOf } from '../engine/form-states.ts';
import { ANONYMOUS_SESSION_SECONDS } from '../lifetimes.ts';

/** A form of the engine's: its address, and the secret to be sent as `xsrf`. */
export interface DeviceForm {
  action: string;
  xsrf: string;
}

type CookieOptions = NonNullable<NonNullable<EngineConfiguration['cookies']>['long']>;

/**
 * The form of the page that is being drawn. The engine makes a new secret whenever it shows the page; the former one goes on,
 * or a form in another tab, or that of a log-out, would no longer be taken.
 */
export function formOf(ctx: KoaContextWithOIDC): DeviceForm {
  const { session } = ctx.oidc;
  const former = formerStateOf(ctx);
  const state = session as unknown as { state: FormState };
  if (former !== undefined) state.state = former;
  return { action: ctx.oidc.urlFor('code_verification'), xsrf: state.state.secret };
}

/**
 * A form that came without a session (no cookie, or a session that is over): the engine gives its page a secret when the
 * session has been stored already, and fails when there was none to store. It gets one, so that the next form is taken.
 */
export async function beginSession(ctx: KoaContextWithOIDC, cookie: CookieOptions): Promise<void> {
  const { session, provider } = ctx.oidc;
  if (session === undefined || typeof session.exp === 'number') return;
  await session.save(ANONYMOUS_SESSION_SECONDS);
  ctx.oidc.cookies.set(provider.cookieName('session'), session.jti, cookie);
}
