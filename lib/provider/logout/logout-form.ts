import { randomBytes } from 'node:crypto';
import { type Configuration as EngineConfiguration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { FormState } from '../../grants/session-forms.ts';
import { prototypesOf } from '../engine/engine-context.ts';

/** As many as the engine's own have. */
const SECRET_BYTES = 24;

/**
 * Asks whether to sign out; `form.xsrf` must be posted to `form.action`, with `logout=yes` to sign out everywhere. `isRejected`: the form
 * that was sent was not known, and nobody was signed out.
 */
export type LogoutPage = (
  ctx: KoaContextWithOIDC,
  form: { action: string; xsrf: string; isRejected: boolean },
) => Promise<void>;

/** Tells what a log-out has come to. `stillSignedIn`: who has stayed signed in here, and has left one application at most. */
export type LoggedOutPage = (
  ctx: KoaContextWithOIDC,
  outcome: { stillSignedIn: string | undefined },
) => Promise<void>;

type RpInitiatedLogout = NonNullable<NonNullable<EngineConfiguration['features']>['rpInitiatedLogout']>;

function xsrfOf(form: string): string {
  return /name="xsrf" value="([0-9a-f]+)"/.exec(form)?.[1] ?? '';
}

/** OpenID Connect RP-Initiated Logout as the engine is configured for it. */
export function rpInitiatedLogout(pages: {
  logout: LogoutPage;
  loggedOut: LoggedOutPage;
}): RpInitiatedLogout {
  return {
    enabled: true,
    logoutSource: async (ctx, form) => {
      const action = new URL(ctx.oidc.urlFor('end_session_confirm'));
      // A form that is sent twice has nothing else to tell by where the person came from: the first one has ended the session.
      const clientId = ctx.oidc.client?.clientId;
      if (clientId !== undefined) action.searchParams.set('client_id', clientId);
      await pages.logout(ctx, { action: action.href, xsrf: xsrfOf(form), isRejected: false });
    },
    postLogoutSuccessSource: async (ctx) => {
      const { accountId } = await prototypesOf(ctx.oidc.provider).Session.get(ctx);
      await pages.loggedOut(ctx, { stillSignedIn: accountId });
    },
  };
}

/** Whether an error says that the form of a log-out is not known, or not any more. */
export function isStaleLogout({ oidc }: KoaContextWithOIDC, error: Error): boolean {
  return (
    oidc?.route === 'end_session_confirm' &&
    error instanceof errors.InvalidRequest &&
    /^(xsrf token invalid|could not find logout details)$/.test(error.error_description ?? '')
  );
}

/**
 * Answers such a form. It may be sent twice, come from a page of an earlier session, or from elsewhere: nobody is signed out by it. Whoever is
 * signed in is asked once more; for anybody else what they want is so already.
 */
export async function answerStaleLogout(
  ctx: KoaContextWithOIDC,
  pages: { logout: LogoutPage },
): Promise<void> {
  const { oidc } = ctx;
  const session = oidc.session as unknown as
    | { accountId?: string; state?: FormState; persist(): Promise<unknown> }
    | undefined;
  if (session?.accountId === undefined) {
    const ended = new URL(oidc.urlFor('end_session_success'));
    const client = await oidc.provider.Client.find(String(ctx.query.client_id ?? '')).catch(() => undefined);
    if (client !== undefined) ended.searchParams.set('client_id', client.clientId);
    ctx.status = 303;
    ctx.redirect(ended.href);
    return;
  }
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  session.state = { secret };
  await session.persist();
  ctx.status = 422;
  await pages.logout(ctx, {
    action: oidc.urlFor('end_session_confirm'),
    xsrf: secret,
    isRejected: true,
  });
}
