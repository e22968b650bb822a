import type Koa from 'koa';
import type { PasskeySignIn, PasskeySignInOutcome } from '../authentication/passkeys/passkey-sign-in.ts';
import type { InteractionPages, LoginProblem } from './interaction-pages.ts';
import { fieldsOf, type Step, text } from './pending-step.ts';
import { acceptProof, type ProofRooms } from './proof.ts';
import { type NoticeRooms, tellPerson } from './security-notice.ts';
import { tellProblem } from './tell-problem.ts';

/** What the steps work with. */
export interface PasskeyRooms extends ProofRooms, NoticeRooms {
  /** Undefined where there are no passkeys. */
  passkeySignIn: PasskeySignIn | undefined;
}

/** Tells a person that there may be a copy of their passkey, whether it let somebody in or not. */
export function tellOfCopy(rooms: NoticeRooms, ctx: Koa.Context, result: PasskeySignInOutcome): void {
  const account = 'suspected' in result ? result.suspected : undefined;
  if (account !== undefined) tellPerson(rooms, ctx, account, 'passkey-copied');
}

/** What the login page says of an attempt that signed nobody in. */
function problemOf(result: Exclude<PasskeySignInOutcome, { outcome: 'authenticated' }>): LoginProblem {
  if (result.outcome === 'throttled') return { kind: 'throttled', retryAfter: result.retryAfter };
  if (result.outcome === 'unavailable') return { kind: 'unavailable' };
  const { reason, id } = result;
  return { kind: 'passkey', reason, ...(id === undefined ? {} : { id }) };
}

/** Sign-in by passkey on the login page. */
export interface PasskeySteps {
  /** What the browser is to ask for, as JSON; the same for everybody. A form, so that a page that is out of date shows before anybody is asked. */
  options: Step;
  signIn: Step;
}

/** The steps; where there are no passkeys they are not found. */
export function passkeySteps(rooms: PasskeyRooms & { pages: Pick<InteractionPages, 'login'> }): PasskeySteps {
  const { passkeySignIn, pages } = rooms;

  return {
    async options(ctx, interaction) {
      if (passkeySignIn !== undefined) ctx.body = passkeySignIn.options(interaction.uid);
    },

    async signIn(ctx, interaction) {
      if (passkeySignIn === undefined) return;
      const login = text(interaction.params.login_hint);
      const result = await passkeySignIn.attempt({
        uid: interaction.uid,
        credential: text(fieldsOf(ctx).credential),
        address: ctx.ip,
      });
      tellOfCopy(rooms, ctx, result);
      if (result.outcome === 'authenticated') {
        await acceptProof(rooms, ctx, interaction, result);
        return;
      }
      const problem = problemOf(result);
      tellProblem(ctx, problem);
      pages.login(ctx, interaction, { login, problem });
    },
  };
}
