import type Koa from 'koa';
import type { Account, AccountAdapter } from '../accounts/account-adapter.ts';
import { satisfies } from '../authentication/assurance.ts';
import { isFresh } from '../authentication/recent-proof.ts';
import { seeOther } from '../interactions/pending-step.ts';
import type { SessionDesk } from '../provider/sign-in/browser-session.ts';
import type { AccountSignIn } from './account-sign-in.ts';
import type { SignInDemand } from './sign-in-demand.ts';

/** Whose browser asks for a page of their own. */
export interface SignedInPerson {
  account: Account;
  sessionUid: string;
  /** Unix time, s. */
  authenticatedAt: number;
  /** What was proved in this session, as `amr` values (RFC 8176). */
  methods: readonly string[];
}

/**
 * Who is signed in at this browser, with what `demand` asks for. `undefined`: the answer already sends the browser to the
 * sign-in, from where it comes back to the page that it asked for (after a form, to the page of the form: what was typed is not kept). Throws AccountsUnavailable.
 */
export async function signedInPerson(
  rooms: { sessions: SessionDesk; accounts: AccountAdapter; accountSignIn: AccountSignIn },
  ctx: Koa.Context,
  demand: SignInDemand = {},
): Promise<SignedInPerson | undefined> {
  ctx.set('Cache-Control', 'no-store');
  const session = await rooms.sessions.current(ctx);
  const account = session === undefined ? undefined : await rooms.accounts.findBySub(session.accountId);
  if (session === undefined || account === undefined || account.disabled) {
    seeOther(ctx, rooms.accountSignIn.begin(ctx, demand));
    return undefined;
  }
  const { uid: sessionUid, authenticatedAt, methods } = session;
  const reached = demand.acr === undefined || satisfies(methods, demand.acr);
  if (!reached || (demand.fresh === true && !isFresh(session))) {
    seeOther(ctx, rooms.accountSignIn.begin(ctx, { ...demand, login: account.login }));
    return undefined;
  }
  return { account, sessionUid, authenticatedAt, methods };
}
