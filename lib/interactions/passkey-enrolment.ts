import type Koa from 'koa';
import type { PasskeyHolder, PasskeyRegistration } from '../authentication/passkeys/passkey-registration.ts';
import { isFresh } from '../authentication/recent-proof.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { type EnrolmentDue, enrolmentDue, isDemanded } from './enrolment-due.ts';
import { fieldsOf, type Step, seeOther, text } from './pending-step.ts';
import { acceptFurtherProof } from './proof.ts';
import { isForProof, type SecondStepRooms, type Standing } from './second-step.ts';
import type { NewPasskeyProblem } from './second-step-pages.ts';
import { tellPerson } from './security-notice.ts';

/** What making a passkey in the middle of a sign-in works with. */
export interface PasskeyEnrolmentRooms extends SecondStepRooms {
  /** Undefined where there are no passkeys. */
  passkeyRegistration: PasskeyRegistration | undefined;
}

/** How somebody makes a passkey in the middle of a sign-in. */
export interface PasskeyEnrolmentSteps {
  show: Step;
  /** What the browser is to make it with, as JSON. */
  options: Step;
  add: Step;
}

/**
 * Making a passkey when a sign-in needs one, and the person has none that would do. Whoever makes one proved themselves lately, with a second factor if
 * they have one: see nextStep. What it proves counts when it is used, which is asked for next; nothing that was good before ends.
 */
export function passkeyEnrolmentSteps(rooms: PasskeyEnrolmentRooms): PasskeyEnrolmentSteps {
  const { desk, secondFactors, passkeyRegistration: registration, pages } = rooms;

  interface Due extends EnrolmentDue {
    /** The proof is too old to make a passkey by: it would be a lasting way in for whoever found the browser open. */
    isStale: boolean;
  }

  async function dueStep(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    { goesOn = false } = {},
  ): Promise<Due | undefined> {
    // With nothing new proved: what was kept is judged once more.
    const whenDone = ({ account }: Standing) =>
      acceptFurtherProof(rooms, ctx, interaction, { account, methods: [] });
    const due = await enrolmentDue(rooms, ctx, interaction, goesOn ? { whenDone } : {});
    if (due === undefined) return undefined;
    if (!due.ways.includes('passkey')) {
      seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, 'enrol'));
      return undefined;
    }
    return { ...due, isStale: !isFresh({ authenticatedAt: await desk.provedAt(interaction) }) };
  }

  /** A challenge is of this interaction and of this proof in it. */
  const holderOf = ({ uid }: PendingInteraction, { account, proved }: Due): PasskeyHolder => ({
    account,
    sessionUid: `${uid}:${proved.id}`,
  });

  function draw(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    due: Due,
    problem?: NewPasskeyProblem,
  ): void {
    const { account, proved, ways, factors, isStale } = due;
    pages.setUpPasskey(ctx, interaction, {
      account,
      proof: proved.id,
      problem,
      isStale,
      isDemanded: isDemanded(interaction, due),
      hasPasskeys: (factors?.passkeys ?? 0) > 0,
      orApp: ways.includes('totp'),
    });
  }

  return {
    async show(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due !== undefined) draw(ctx, interaction, due, ctx.method === 'POST' ? 'form-rejected' : undefined);
    },

    async options(ctx, interaction) {
      const due = await dueStep(ctx, interaction, { goesOn: true });
      if (due === undefined) return;
      // The page that asks then shows that it is too old, before the authenticator has made something in vain.
      if (due.isStale) ctx.status = 403;
      else ctx.body = await registration?.options(holderOf(interaction, due));
    },

    async add(ctx, interaction) {
      const due = await dueStep(ctx, interaction, { goesOn: true });
      if (due === undefined || registration === undefined) return;
      if (due.isStale) {
        ctx.status = 403;
        draw(ctx, interaction, due);
        return;
      }
      if (!isForProof(ctx, due)) {
        ctx.status = 403;
        draw(ctx, interaction, due, 'form-rejected');
        return;
      }
      const { account, proved } = due;
      const answer = { credential: text(fieldsOf(ctx).credential), name: '' };
      const result = await registration.register(holderOf(interaction, due), answer);
      if (result.outcome === 'refused') {
        ctx.status = 422;
        draw(ctx, interaction, due, result.reason);
        return;
      }
      tellPerson(rooms, ctx, account, 'passkey-added');
      // Whoever loses the passkey gets in with one of these. Should this process end before they are shown, others can be made.
      const codes = await secondFactors.firstRecoveryCodes(account.sub);
      if (codes === undefined) {
        const { uid, client } = interaction;
        seeOther(ctx, `${interactionUrl(uid, client.clientId, 'second-step')}&way=passkey&added`);
      } else pages.recoveryCodes(ctx, interaction, { account, proof: proved.id, codes });
    },
  };
}
