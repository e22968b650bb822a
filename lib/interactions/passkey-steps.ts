import type Koa from 'koa';
import type { PasskeySignIn, PasskeySignInOutcome } from '../authentication/passkeys/passkey-sign-in.ts';
import type { InteractionPages } from './interaction-pages.ts';
import { fieldsOf, type Step, text } from './pending-step.ts';
import { acceptProof, type ProofRooms } from './proof.ts';
import { type NoticeRooms, tellPerson } from './security-notice.ts';

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
      switch (result.outcome) {
        case 'authenticated':
          await acceptProof(rooms, ctx, interaction, result);
          return;
        case 'refused': {
          const { reason, id } = result;
          ctx.status = 422;
          pages.login(ctx, interaction, {
            login,
            problem: { kind: 'passkey', reason, ...(id === undefined ? {} : { id }) },
          });
          return;
        }
        case 'throttled':
          ctx.status = 429;
          ctx.set('Retry-After', String(result.retryAfter));
          pages.login(ctx, interaction, {
            login,
            problem: { kind: 'throttled', retryAfter: result.retryAfter },
          });
          return;
        case 'unavailable':
          ctx.status = 503;
          ctx.set('Retry-After', '5');
          pages.login(ctx, interaction, { login, problem: { kind: 'unavailable' } });
          return;
        default:
          result satisfies never;
      }
    },
  };
}
