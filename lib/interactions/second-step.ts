import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { PasskeySignIn } from '../authentication/passkeys/passkey-sign-in.ts';
import { MAIL_CODE_SECONDS } from '../authentication/second-factors/mail-codes.ts';
import {
  type PersonFactors,
  SECOND_WAYS,
  type SecondWay,
} from '../authentication/second-factors/second-factors.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { admitMail, type MailLinkRooms } from './mail-link-rooms.ts';
import { isSignedIn, parallelAnswer } from './parallel-answer.ts';
import { tellOfCopy } from './passkey-steps.ts';
import { fieldsOf, type Step, seeOther, text } from './pending-step.ts';
import { acceptFurtherProof, enrolStep, nextStep, type ProofRooms } from './proof.ts';
import { rememberBrowser } from './remembered-browser.ts';
import type { CodeProblem, SecondStepPages } from './second-step-pages.ts';
import { tellPerson } from './security-notice.ts';
import { tellProblem } from './tell-problem.ts';

/** What the second step works with. */
export type SecondStepRooms = ProofRooms &
  Pick<MailLinkRooms, 'accounts' | 'mail' | 'mailTexts' | 'linkThrottle'> & {
    pages: SecondStepPages;
    passkeySignIn: PasskeySignIn | undefined;
  };

type Proved = NonNullable<PendingInteraction['proved']>;

/** Where somebody stands who has proved something in this interaction. */
export interface Standing {
  proved: Proved;
  account: Account;
}

/**
 * Who has proved what in this interaction; undefined when nobody has, which begins anew with the first factor. What counts is
 * what this side remembers of the interaction: a form names no person. Once somebody has signed in here, the answer leads on.
 */
export async function standingOf(
  { accounts }: Pick<SecondStepRooms, 'accounts'>,
  ctx: Koa.Context,
  { proved, signedInTo, uid, client }: PendingInteraction,
): Promise<Standing | undefined> {
  if (signedInTo !== undefined) {
    seeOther(ctx, signedInTo);
    return undefined;
  }
  const account = proved === undefined ? undefined : await accounts.findBySub(proved.accountId);
  if (proved !== undefined && account?.disabled === false) return { proved, account };
  seeOther(ctx, `${interactionUrl(uid, client.clientId)}&switch`);
  return undefined;
}

/** Whether the form was drawn for what is proved now, and not for what somebody proved before in another tab. */
export function isForProof(ctx: Koa.Context, { proved }: Standing): boolean {
  return text(fieldsOf(ctx).proof) === proved.id;
}

/** The steps beyond the first factor, for a person who has set something up. */
export interface SecondSteps {
  show: Step;
  /** Judges a code. */
  prove: Step;
  sendMail: Step;
  passkeyOptions: Step;
  passkey: Step;
}

/** The second step of a sign-in, or of a session that lacks a factor. */
export function secondSteps(rooms: SecondStepRooms): SecondSteps {
  const { configuration, secondFactors, pages, passkeySignIn, mail, mailTexts } = rooms;
  const { issuer } = configuration;

  interface Due extends Standing {
    ways: SecondWay[];
    factors: PersonFactors;
  }

  /** The step that is due; undefined: another one is, to which the answer leads. */
  async function dueStep(ctx: Koa.Context, interaction: PendingInteraction): Promise<Due | undefined> {
    const standing = await standingOf(rooms, ctx, interaction);
    if (standing === undefined) return undefined;
    const { account, proved } = standing;
    const next = await nextStep(rooms, ctx, interaction, { account, methods: proved.methods });
    if (next.kind === 'second-step') return { ...standing, ways: next.ways, factors: next.factors };
    const { uid, client } = interaction;
    seeOther(
      ctx,
      next.kind === 'none'
        ? `${interactionUrl(uid, client.clientId)}&switch`
        : interactionUrl(uid, client.clientId, next.kind === 'enrol' ? enrolStep(next.ways) : 'enrol'),
    );
    return undefined;
  }

  function draw(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    due: Due,
    given: { way?: unknown; problem?: CodeProblem } = {},
  ): void {
    const { account, proved, ways, factors } = due;
    const asked = SECOND_WAYS.find((way) => way === (given.way ?? ctx.query.way));
    const way = asked !== undefined && ways.includes(asked) ? asked : (ways[0] as SecondWay);
    const sent = ctx.query.sent !== undefined || (ctx.method === 'POST' && given.problem !== undefined);
    if (given.problem !== undefined) tellProblem(ctx, given.problem);
    const { problem } = given;
    const state = { account, proof: proved.id, way, ways, factors, sent, problem };
    pages.secondStep(ctx, interaction, { ...state, added: ctx.query.added !== undefined });
  }

  /** Goes on where the same form, sent twice, has led in this moment; true when it has. Its code was used by the first. */
  async function followsOther(ctx: Koa.Context, interaction: PendingInteraction): Promise<boolean> {
    const state = await parallelAnswer(rooms.desk, interaction, isSignedIn);
    if (state === undefined) return false;
    const { uid, client } = interaction;
    const to = state === 'completed' ? undefined : state.signedInTo;
    seeOther(ctx, to ?? interactionUrl(uid, client.clientId));
    return true;
  }

  const placeOf = ({ uid }: PendingInteraction, { proved }: Standing): string => `${uid}:${proved.id}`;

  return {
    async show(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      draw(ctx, interaction, due, ctx.method === 'POST' ? { problem: { kind: 'form-rejected' } } : {});
    },

    async prove(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      const { way, code, remember } = fieldsOf(ctx);
      if (!isForProof(ctx, due)) {
        draw(ctx, interaction, due, { way, problem: { kind: 'form-rejected' } });
        return;
      }
      const chosen = due.ways.find((each) => each === way);
      if (chosen === undefined || chosen === 'passkey') {
        draw(ctx, interaction, due);
        return;
      }
      const { account } = due;
      const { sub } = account;
      const attempt = { sub, code: text(code), place: placeOf(interaction, due), address: ctx.ip };
      const judged = await secondFactors.judge(chosen, attempt);
      if (judged.outcome !== 'verified') {
        if (judged.outcome === 'refused' && (await followsOther(ctx, interaction))) return;
        const { outcome: kind, ...details } = judged;
        draw(ctx, interaction, due, { way, problem: { kind, ...details } as CodeProblem });
        return;
      }
      // Each is gone with its use, and whoever took them would not be noticed otherwise.
      if (chosen === 'recovery-code') tellPerson(rooms, ctx, account, 'recovery-code-used');
      if (remember === 'yes' && secondFactors.devices.seconds > 0) {
        await rememberBrowser(ctx, secondFactors.devices, { issuer, sub });
      }
      await acceptFurtherProof(rooms, ctx, interaction, { account, methods: judged.methods });
    },

    async sendMail(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      const to = mailAddress(due.factors.email ?? '');
      if (!isForProof(ctx, due) || !due.ways.includes('mail') || to === undefined) {
        draw(ctx, interaction, due, { way: 'mail', problem: { kind: 'form-rejected' } });
        return;
      }
      const admittance = await admitMail(rooms, ctx, to);
      if (typeof admittance === 'object') {
        draw(ctx, interaction, due, { way: 'mail', problem: admittance });
        return;
      }
      if (admittance === 'send') {
        const code = await secondFactors.mailCodes.create(due.account.sub, placeOf(interaction, due));
        const locale = mailTexts.localeFor(ctx, due.account.claims.locale, interaction.params.ui_locales);
        const seconds = MAIL_CODE_SECONDS;
        mail.send(() => ({ to, ...mailTexts.compose('sign-in-code', locale, { code, seconds }) }));
      }
      const { uid, client } = interaction;
      seeOther(ctx, `${interactionUrl(uid, client.clientId, 'second-step')}&way=mail&sent`);
    },

    async passkeyOptions(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined) return;
      ctx.body = await passkeySignIn?.optionsFor(interaction.uid, due.account.sub);
    },

    async passkey(ctx, interaction) {
      const due = await dueStep(ctx, interaction);
      if (due === undefined || passkeySignIn === undefined) return;
      const { account } = due;
      const result = await passkeySignIn.confirm(account.sub, {
        uid: interaction.uid,
        credential: text(fieldsOf(ctx).credential),
        address: ctx.ip,
      });
      tellOfCopy(rooms, ctx, result);
      if (result.outcome === 'authenticated') {
        await acceptFurtherProof(rooms, ctx, interaction, { account, methods: result.methods });
        return;
      }
      const problem =
        result.outcome === 'throttled'
          ? ({ kind: 'throttled', retryAfter: result.retryAfter } as const)
          : ({ kind: result.outcome } as const);
      draw(ctx, interaction, due, { way: 'passkey', problem });
    },
  };
}
