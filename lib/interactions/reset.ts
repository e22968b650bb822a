import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { FoundLink } from '../authentication/mail-links.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import { interactionUrl } from '../provider/sign-in/interaction-url.ts';
import { isRepeat, knowLinkBrowser, type LinkUse, sentForm } from './link-repeat.ts';
import type { AskProblem, LinkProblem } from './mail-link-outcomes.ts';
import {
  admitMail,
  atClient,
  linkFormPurpose,
  linkUrl,
  type MailLinkRooms,
  originOf,
} from './mail-link-rooms.ts';
import { fieldsOf, type Step, seeOther, text } from './pending-step.ts';
import { mailPerson, noteActivity } from './security-notice.ts';
import { tellProblem } from './tell-problem.ts';

/** Where the link of a mail leads. */
export const RESET_PATH = '/reset-password';

interface ResetLink {
  secret: string;
  found: FoundLink<'reset-password'>;
  account: Account;
}

/** How somebody who forgot their password chooses another: ask for a mail, follow its link, choose. */
export interface ResetSteps {
  show: Step;
  /** Answers the same, after the same work, whether or not there is such a person; the mail leaves later. */
  ask: Step;
  showChoice(ctx: Koa.Context): Promise<void>;
  choose(ctx: Koa.Context): Promise<void>;
  /** Back in the interaction, when this is its browser. */
  changed(ctx: Koa.Context): Promise<void>;
}

/**
 * The reset of a password (NIST SP 800-63B-4 §4.2, OWASP Forgot Password Cheat Sheet). It signs nobody in: whoever chose a
 * password signs in with it, and with whatever else is asked of them.
 */
export function resetSteps(rooms: MailLinkRooms): ResetSteps {
  const { configuration, accounts, links, mail, mailTexts, pages, forms, grants, events } = rooms;
  const { issuer, lifetimes } = configuration;

  function draw(ctx: Koa.Context, interaction: PendingInteraction, problem?: AskProblem): void {
    const login = text(fieldsOf(ctx).login) || text(interaction.params.login_hint);
    if (problem !== undefined) tellProblem(ctx, problem);
    pages.askReset(ctx, interaction, { login, problem });
  }

  /** Where a password was changed: back to the sign-in that it was asked for in, as long as that is known. */
  function leadOn(ctx: Koa.Context, { details: { origin } }: FoundLink<'reset-password'>): void {
    seeOther(
      ctx,
      origin === undefined
        ? `${RESET_PATH}/done`
        : interactionUrl(origin.uid, origin.clientId, 'password-changed'),
    );
  }

  async function linkOf(ctx: Koa.Context, form: LinkUse): Promise<ResetLink | undefined> {
    const { secret } = form;
    const found = await links.find('reset-password', secret);
    const account = found?.account === undefined ? undefined : await accounts.findBySub(found.account);
    if (found !== undefined && account?.disabled === false) return { secret, found, account };
    if (found === undefined && ctx.method === 'POST' && (await isRepeat(ctx, rooms, form))) {
      seeOther(ctx, atClient(`${RESET_PATH}/done`, text(ctx.query.client_id)));
      return undefined;
    }
    ctx.status = 410;
    await pages.linkResult(ctx, 'expired');
    return undefined;
  }

  function drawChoice(ctx: Koa.Context, { secret, found, account }: ResetLink, problem?: LinkProblem): void {
    const action = atClient(RESET_PATH, found.details.origin?.clientId);
    if (problem !== undefined) tellProblem(ctx, problem);
    pages.choosePassword(ctx, { action, secret, login: account.login, problem });
  }

  /** Tokens and sessions of before end, and the owner hears of it. */
  async function afterChange(ctx: Koa.Context, { found, account }: ResetLink): Promise<void> {
    const { email } = found.details;
    noteActivity(events, ctx, { accountId: account.sub, kind: 'password-changed' });
    await grants.endAccount(account.sub, { consent: false });
    await accounts.directory?.verifyEmail(account.sub, email);
    mailPerson(rooms, ctx, account, { kind: 'password-changed', email });
  }

  return {
    async show(ctx, interaction) {
      draw(ctx, interaction, ctx.method === 'POST' ? { kind: 'form-rejected' } : undefined);
    },

    async ask(ctx, interaction) {
      const login = text(fieldsOf(ctx).login);
      if (login.trim() === '' || accounts.directory === undefined) {
        draw(ctx, interaction, { kind: 'invalid' });
        return;
      }
      const admittance = await admitMail(rooms, ctx, login);
      if (typeof admittance === 'object') {
        draw(ctx, interaction, admittance);
        return;
      }
      const account = await accounts.findByLogin(login);
      const email = text(account?.claims.email);
      const to = mailAddress(email);
      const reachable = admittance === 'send' && account?.disabled === false && to !== undefined;
      const seconds = lifetimes.mailLink;
      const secret = await links.create({
        purpose: 'reset-password',
        account: reachable ? account.sub : undefined,
        details: { email, origin: originOf(interaction) },
        seconds,
      });
      if (reachable) {
        const locale = mailTexts.localeFor(ctx, account.claims.locale, interaction.params.ui_locales);
        const url = linkUrl(issuer, RESET_PATH, secret);
        mail.send(() => ({ to, ...mailTexts.compose('reset', locale, { url, seconds }) }));
      }
      seeOther(ctx, `${interactionUrl(interaction.uid, interaction.client.clientId, 'mail-sent')}&for=reset`);
    },

    async showChoice(ctx) {
      const link = await linkOf(ctx, { secret: text(ctx.query.link) });
      if (link === undefined) return;
      knowLinkBrowser(ctx, rooms);
      drawChoice(ctx, link);
    },

    async choose(ctx) {
      const fields = fieldsOf(ctx);
      const form = { secret: text(fields.link), typed: [text(fields.password)] };
      const link = await linkOf(ctx, form);
      if (link === undefined) return;
      if (!forms.verify(ctx, linkFormPurpose(link.secret))) {
        drawChoice(ctx, link, { kind: 'form-rejected' });
        return;
      }
      const { sub } = link.account;
      // Before as well as after: should this process end in between, nobody else keeps what the old password gave.
      await grants.endAccount(sub, { consent: false });
      const update = await accounts.directory?.setPassword(sub, text(fields.password), (transaction, now) =>
        links.spend('reset-password', link.secret, transaction, now, sentForm(ctx, rooms, form.typed)),
      );
      if (update?.outcome === 'updated') {
        await afterChange(ctx, link);
        leadOn(ctx, link.found);
        return;
      }
      if (update?.outcome === 'refused' && update.reason === 'unacceptable_password') {
        drawChoice(ctx, link, { kind: 'password', rule: update.rule ?? '' });
      } else if (update?.outcome === 'refused' && update.reason === 'busy') {
        drawChoice(ctx, link, { kind: 'unavailable' });
      } else if (await isRepeat(ctx, rooms, form)) {
        leadOn(ctx, link.found);
      } else {
        ctx.status = 410;
        await pages.linkResult(ctx, 'expired', link.found.details.origin?.clientId);
      }
    },

    async changed(ctx) {
      const clientId = text(ctx.query.client_id);
      const interaction = await rooms.desk.pending(ctx, ctx.params.uid);
      if ('outcome' in interaction) await pages.linkResult(ctx, 'password-changed', clientId);
      else seeOther(ctx, `${interactionUrl(interaction.uid, clientId)}&password-changed`);
    },
  };
}
