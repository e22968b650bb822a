import type Koa from 'koa';
import { isFresh } from '../authentication/recent-proof.ts';
import type { TotpEnrolment } from '../authentication/second-factors/totp.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { type EnrolmentDue, enrolmentDue, isDemanded } from './enrolment-due.ts';
import { isSignedIn, parallelAnswer } from './parallel-answer.ts';
import { fieldsOf, finish, type Step, seeOther, text } from './pending-step.ts';
import { acceptFurtherProof, enrolStep } from './proof.ts';
import { isForProof, type SecondStepRooms, type Standing, standingOf } from './second-step.ts';
import type { CodeProblem } from './second-step-pages.ts';
import { tellPerson } from './security-notice.ts';
import { tellProblem } from './tell-problem.ts';

/** How somebody sets up a second step in the middle of a sign-in that needs one. */
export interface EnrolmentSteps {
  show: Step;
  confirm: Step;
  /** Goes on after recovery codes were shown. */
  goOn: Step;
  /** Gives up: the application hears that the person cannot reach what it demands. */
  giveUp: Step;
}

/** Setting up an authenticator app when a sign-in needs a second step, and the person has none that would do. */
export function enrolmentSteps(
  rooms: SecondStepRooms & { configuration: { branding: { name: string } } },
): EnrolmentSteps {
  const { configuration, desk, secondFactors, pages } = rooms;
  const { branding } = configuration;

  async function dueStep(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    options?: Parameters<typeof enrolmentDue>[3],
  ): Promise<EnrolmentDue | undefined> {
    const due = await enrolmentDue(rooms, ctx, interaction, options);
    if (due === undefined || due.ways.length === 0 || due.ways.includes('totp')) return due;
    seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, enrolStep(due.ways)));
    return undefined;
  }

  /** The codes were in another answer to the same form. They are kept as digests: nobody can show them again. */
  const tellOfCodes = (
    ctx: Koa.Context,
    interaction: PendingInteraction,
    { account, proved }: Pick<Standing, 'account' | 'proved'>,
  ): void => pages.recoveryCodes(ctx, interaction, { account, proof: proved.id, codes: [] });

  /** Answers a confirmation whose app is set up already: it was sent twice at once, or the person has set one up elsewhere. */
  async function answerPresent(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    { account }: Standing,
  ): Promise<void> {
    const provesApp = ({ proved }: Pick<PendingInteraction, 'proved'>): boolean =>
      proved?.accountId === account.sub && proved.methods.includes('otp');
    const state = await parallelAnswer(
      desk,
      interaction,
      (now) => isSignedIn(now) || (now !== 'completed' && provesApp(now)),
    );
    const { uid, client } = interaction;
    if (state === undefined) seeOther(ctx, interactionUrl(uid, client.clientId, 'second-step'));
    else if (state === 'completed') seeOther(ctx, interactionUrl(uid, client.clientId));
    else if (state.signedInTo !== undefined) seeOther(ctx, state.signedInTo);
    else if (state.proved !== undefined) tellOfCodes(ctx, interaction, { account, proved: state.proved });
  }

  const labelOf = ({ account }: Standing) => ({ issuer: branding.name, login: account.login });

  /**
   * Whether the proof is too old to set an app up by: whoever found the browser open would pass for its person from then on, and keep them out.
   * Somebody who came from another provider just now may have proved themselves there at a time that it does not tell.
   */
  async function isStale(interaction: PendingInteraction, { proved }: Standing): Promise<boolean> {
    if (!proved.session && proved.upstream !== undefined) return false;
    return !isFresh({ authenticatedAt: await desk.provedAt(interaction) });
  }

  async function draw(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    due: EnrolmentDue,
    given: { enrolment?: TotpEnrolment | undefined; problem?: CodeProblem | undefined } = {},
  ): Promise<void> {
    const { account, proved, ways } = due;
    const { problem } = given;
    if (problem !== undefined) tellProblem(ctx, problem);
    const state = { account, proof: proved.id, problem };
    if (ways.length === 0) {
      pages.unreachable(ctx, interaction, state);
      return;
    }
    // A secret that was shown while the proof was young enough may still be confirmed: an app has to be found first.
    if (given.enrolment === undefined && (await isStale(interaction, due))) {
      seeOther(ctx, `${interactionUrl(interaction.uid, interaction.client.clientId)}&again`);
      return;
    }
    const enrolment = given.enrolment ?? (await secondFactors.beginTotp(account.sub, labelOf(due)));
    await pages.enrol(ctx, interaction, { ...state, enrolment, orPasskey: ways.includes('passkey') });
  }

  return {
    async show(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      const problem = ctx.method === 'POST' ? ({ kind: 'form-rejected' } as const) : undefined;
      await draw(ctx, interaction, due, { problem });
    },

    async confirm(ctx, interaction) {
      const due = await dueStep(ctx, interaction, {
        whenDone: async (standing) => tellOfCodes(ctx, interaction, standing),
        whenEnrolled: (standing) => answerPresent(ctx, interaction, standing),
      });
      if (due === undefined) return;
      if (!isForProof(ctx, due)) {
        await draw(ctx, interaction, due, { problem: { kind: 'form-rejected' } });
        return;
      }
      if (due.ways.length === 0) {
        await draw(ctx, interaction, due);
        return;
      }
      const { account, proved } = due;
      const fields = fieldsOf(ctx);
      const given = { sealed: text(fields.sealed), code: text(fields.code) };
      const confirmation = await secondFactors.confirmTotp(account.sub, given, ctx.ip);
      switch (confirmation.outcome) {
        case 'confirmed': {
          tellPerson(rooms, ctx, account, 'two-step-added');
          const { recoveryCodes: codes } = confirmation;
          if (codes === undefined) {
            await acceptFurtherProof(rooms, ctx, interaction, { account, methods: ['otp'] });
            return;
          }
          const methods = [...new Set([...proved.methods, 'otp'])];
          const proof = await desk.keepProof(ctx, interaction, { ...proved, methods });
          pages.recoveryCodes(ctx, interaction, { account, proof, codes });
          return;
        }
        case 'present':
          await answerPresent(ctx, interaction, due);
          return;
        case 'expired':
          await draw(ctx, interaction, due, { problem: { kind: 'expired' } });
          return;
        default: {
          const { outcome: kind, ...details } = confirmation;
          const enrolment = await secondFactors.totp.again(account.sub, given.sealed, labelOf(due));
          await draw(ctx, interaction, due, { enrolment, problem: { kind, ...details } as CodeProblem });
        }
      }
    },

    async goOn(ctx, interaction) {
      const standing = await standingOf(rooms, ctx, interaction);
      // With nothing new proved: what was kept is judged once more.
      if (standing !== undefined) {
        await acceptFurtherProof(rooms, ctx, interaction, { account: standing.account, methods: [] });
      }
    },

    async giveUp(ctx, interaction) {
      const due = await enrolmentDue(rooms, ctx, interaction);
      if (due === undefined) return;
      if (due.ways.length === 0 || isDemanded(interaction, due))
        await finish(desk, ctx, interaction, { kind: 'unmet' });
      else seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, enrolStep(due.ways)));
    },
  };
}
