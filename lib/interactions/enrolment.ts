import type Koa from 'koa';
import type { TotpEnrolment } from '../authentication/totp.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { PendingInteraction } from '../provider/interaction.ts';
import { interactionUrl } from '../provider/interaction-url.ts';
import { userAgentOf } from '../provider/session-device.ts';
import { fieldsOf, finish, type Step, seeOther, text } from './pending-step.ts';
import { acceptFurtherProof, linksIdentity, nextStep } from './proof.ts';
import { heldByBrowser } from './remembered-browser.ts';
import { isForProof, type SecondStepRooms, type Standing, standingOf, tellProblem } from './second-step.ts';
import type { CodeProblem } from './second-step-pages.ts';

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
  const { configuration, desk, secondFactors, pages, mail, mailTexts, events } = rooms;
  const { issuer, branding } = configuration;

  interface Due extends Standing {
    next: 'enrol' | 'unmet';
  }

  async function dueStep(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    { goesOn = false } = {},
  ): Promise<Due | undefined> {
    const standing = await standingOf(rooms, ctx, interaction);
    if (standing === undefined) return undefined;
    const { account, proved } = standing;
    const held = heldByBrowser(ctx, issuer);
    const links = linksIdentity(rooms, ctx, interaction);
    const { kind } = await nextStep(rooms, interaction, { account, methods: proved.methods, held, links });
    if (kind === 'enrol' || kind === 'unmet') return { ...standing, next: kind };
    if (kind === 'none' && goesOn) {
      // The page that shows recovery codes is loaded again: nothing is left to prove.
      await acceptFurtherProof(rooms, ctx, interaction, { account, methods: [] });
      return undefined;
    }
    const { uid, client } = interaction;
    seeOther(ctx, interactionUrl(uid, client.clientId, kind === 'second-step' ? kind : undefined));
    return undefined;
  }

  const labelOf = ({ account }: Standing) => ({ issuer: branding.name, login: account.login });

  async function draw(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    due: Due,
    given: { enrolment?: TotpEnrolment | undefined; problem?: CodeProblem | undefined } = {},
  ): Promise<void> {
    const { account, proved, next } = due;
    const { problem } = given;
    if (problem !== undefined) tellProblem(ctx, problem);
    const state = { account, proof: proved.id, problem };
    if (next === 'unmet') {
      pages.unreachable(ctx, interaction, state);
      return;
    }
    const enrolment = given.enrolment ?? (await secondFactors.beginTotp(account.sub, labelOf(due)));
    await pages.enrol(ctx, interaction, { ...state, enrolment });
  }

  function tellByMail(ctx: Koa.Context, { account }: Standing): void {
    const to = mailAddress(text(account.claims.email));
    const locale = mailTexts.localeFor(ctx, account.claims.locale);
    if (to !== undefined) mail.send(() => ({ to, ...mailTexts.compose('two-step-added', locale) }));
  }

  return {
    async show(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      const problem = ctx.method === 'POST' ? ({ kind: 'form-rejected' } as const) : undefined;
      await draw(ctx, interaction, due, { problem });
    },

    async confirm(ctx, interaction) {
      const due = await dueStep(ctx, interaction, { goesOn: true });
      if (due === undefined) return;
      if (!isForProof(ctx, due)) {
        await draw(ctx, interaction, due, { problem: { kind: 'form-rejected' } });
        return;
      }
      if (due.next === 'unmet') {
        await draw(ctx, interaction, due);
        return;
      }
      const { account, proved } = due;
      const fields = fieldsOf(ctx);
      const given = { sealed: text(fields.sealed), code: text(fields.code) };
      const confirmation = await secondFactors.confirmTotp(account.sub, given, ctx.ip);
      switch (confirmation.outcome) {
        case 'confirmed': {
          events.emit('account.activity', {
            accountId: account.sub,
            kind: 'two-step-added',
            address: ctx.ip,
            userAgent: userAgentOf(ctx),
          });
          tellByMail(ctx, due);
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
          seeOther(ctx, interactionUrl(interaction.uid, interaction.client.clientId, 'second-step'));
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
      const due = await dueStep(ctx, interaction);
      if (due?.next === 'unmet') await finish(desk, ctx, interaction, { kind: 'unmet' });
      else if (due !== undefined) await draw(ctx, interaction, due);
    },
  };
}
