import type Router from '@koa/router';
import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import { registrationIsOpen } from '../accounts/registration-is-open.ts';
import type { MailLinks } from '../authentication/mail-links.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { MailLinkThrottle } from '../authentication/throttling/mail-link-throttle.ts';
import type { FormProtection } from '../interactions/interaction-pages.ts';
import { isRepeat, knowLinkBrowser, sentForm } from '../interactions/link-repeat.ts';
import type { MailLinkPages } from '../interactions/mail-link-pages.ts';
import { admitMail, linkFormPurpose, linkUrl } from '../interactions/mail-link-rooms.ts';
import { fieldsOf, seeOther, text } from '../interactions/pending-step.ts';
import { isOfAllowedDomain } from '../interactions/registration.ts';
import { mailPerson, noteActivity } from '../interactions/security-notice.ts';
import { VERIFY_PATH } from '../interactions/verification.ts';
import { domainOf, mailAddress } from '../mail/mail-address.ts';
import type { AccountPages } from './account-pages.ts';
import { doneAt, type OwnPageRooms, type OwnPages, type Show, showProblem } from './own-page.ts';
import { withProvedFactors } from './proved-factors.ts';
import { afterSecurityChange, type SecurityChangeRooms } from './security-change.ts';
import type { SignedInPerson } from './signed-in-person.ts';

const EMAIL_PATH = '/account/email';
const CONFIRM_PATH = '/account/email/confirm';
/** The address is where a new password, and perhaps a second step, is sent. */
const DEMAND = { fresh: true, page: EMAIL_PATH };

/** What the change of an address works with. */
export interface EmailRooms extends SecurityChangeRooms, OwnPageRooms {
  configuration: Pick<Configuration, 'issuer' | 'lifetimes' | 'registration'>;
  secondFactors: SecondFactors;
  accounts: AccountAdapter;
  links: MailLinks;
  linkThrottle: MailLinkThrottle;
  forms: FormProtection;
  pages: AccountPages & Pick<MailLinkPages, 'linkResult'>;
}

/**
 * A person changes their e-mail address: asked for in a fresh sign-in with whatever factors they have, confirmed by a link that is sent to the new address,
 * told to the old one. Until it is confirmed nothing has changed. The answer does not tell whether somebody else has the
 * new address; its owner hears of it instead of getting a link (ASVS 5.0 V6.3.8).
 */
export function addEmail({ page, form }: OwnPages, router: Router, rooms: EmailRooms): void {
  const { configuration, accounts, links, forms, mail, mailTexts, pages } = rooms;
  const { issuer, lifetimes, registration } = configuration;
  const seconds = lifetimes.mailLink;
  const proved = withProvedFactors(rooms, DEMAND);
  const allowedDomains = registrationIsOpen(configuration, accounts) ? registration.allowedDomains : [];

  const show: Show = (ctx, person, problem) =>
    pages.draw(ctx, 'account-email', person, { typed: text(fieldsOf(ctx).email), allowedDomains }, problem);

  /** Who may have an account by their address keeps to such a one; whom the operator let in otherwise, to the domain that they have. */
  function mayHave(to: string, from: string | undefined): boolean {
    const present = mailAddress(from ?? '');
    const stays = present !== undefined && domainOf(present) === domainOf(to);
    return stays || isOfAllowedDomain(to, { allowedDomains });
  }

  async function isOthers(person: SignedInPerson, to: string): Promise<boolean> {
    const login = canonicalLogin(to);
    const owner = await accounts.findByLogin(login.outcome === 'canonical' ? login.login : '');
    return owner !== undefined && owner.sub !== person.account.sub;
  }

  async function ask(ctx: Koa.Context, person: SignedInPerson): Promise<void> {
    const { account } = person;
    const to = mailAddress(text(fieldsOf(ctx).email));
    const from = text(account.claims.email) || undefined;
    if (to === undefined || to === from || accounts.directory === undefined) {
      const kind = to !== undefined && to === from ? 'unchanged' : 'invalid';
      await showProblem(show, ctx, person, { kind });
      return;
    }
    if (!mayHave(to, from)) {
      await showProblem(show, ctx, person, { kind: 'domain' });
      return;
    }
    const admittance = await admitMail(rooms, ctx, to);
    if (typeof admittance === 'object') {
      await showProblem(show, ctx, person, admittance);
      return;
    }
    const taken = await isOthers(person, to);
    const secret = await links.create({
      purpose: 'change-email',
      account: taken ? undefined : account.sub,
      details: { to, ...(from === undefined ? {} : { from }) },
      seconds,
    });
    const locale = mailTexts.localeFor(ctx, account.claims.locale);
    const url = linkUrl(issuer, CONFIRM_PATH, secret);
    if (admittance === 'send') {
      mail.send(() =>
        taken
          ? { to, ...mailTexts.compose('change-email-taken', locale) }
          : { to, ...mailTexts.compose('change-email', locale, { url, seconds }) },
      );
    }
    await afterSecurityChange(rooms, ctx, { person, kind: 'email-change-asked', endsOthers: false });
    doneAt(ctx, EMAIL_PATH, 'email-change-asked');
  }

  /** The present address is confirmed by the link that an operator can send, too. */
  async function askVerification(ctx: Koa.Context, person: SignedInPerson): Promise<void> {
    const { account } = person;
    const email = text(account.claims.email);
    const to = mailAddress(email);
    if (to !== undefined && account.claims.email_verified !== true) {
      const admittance = await admitMail(rooms, ctx, to);
      if (typeof admittance === 'object') {
        await showProblem(show, ctx, person, admittance);
        return;
      }
      const link = { purpose: 'verify-email', account: account.sub, details: { email }, seconds } as const;
      const url = linkUrl(issuer, VERIFY_PATH, await links.create(link));
      const locale = mailTexts.localeFor(ctx, account.claims.locale);
      if (admittance === 'send') {
        mail.send(() => ({ to, ...mailTexts.compose('verify-email', locale, { url, seconds }) }));
      }
    }
    doneAt(ctx, EMAIL_PATH, 'verification-sent');
  }

  async function linkOf(ctx: Koa.Context, given: unknown) {
    const secret = text(given);
    const found = await links.find('change-email', secret);
    const account = found?.account === undefined ? undefined : await accounts.findBySub(found.account);
    if (found !== undefined && account?.disabled === false)
      return { secret, details: found.details, account };
    await answerUsedUp(ctx, secret);
    return undefined;
  }

  const confirmed = (ctx: Koa.Context): void => seeOther(ctx, `${CONFIRM_PATH}/done`);

  async function answerUsedUp(ctx: Koa.Context, secret: string): Promise<void> {
    if (ctx.method === 'POST' && (await isRepeat(ctx, rooms, { secret }))) {
      confirmed(ctx);
      return;
    }
    ctx.status = 410;
    await pages.linkResult(ctx, 'expired');
  }

  type Link = NonNullable<Awaited<ReturnType<typeof linkOf>>>;
  const drawConfirmation = (ctx: Koa.Context, { secret, details, account }: Link, rejected = false): void =>
    pages.confirmEmail(ctx, {
      action: CONFIRM_PATH,
      secret,
      email: details.to,
      login: account.login,
      problem: rejected ? { kind: 'form-rejected' } : undefined,
    });

  page(EMAIL_PATH, {}, (ctx, person) => show(ctx, person));
  form(EMAIL_PATH, DEMAND, proved(ask), show);
  form(`${EMAIL_PATH}/verify`, { page: EMAIL_PATH }, askVerification, show);
  router.get(CONFIRM_PATH, async (ctx) => {
    const link = await linkOf(ctx, ctx.query.link);
    if (link === undefined) return;
    knowLinkBrowser(ctx, rooms);
    drawConfirmation(ctx, link);
  });
  router.post(CONFIRM_PATH, async (ctx) => {
    const link = await linkOf(ctx, fieldsOf(ctx).link);
    if (link === undefined) return;
    const { secret, details, account } = link;
    if (!forms.verify(ctx, linkFormPurpose(secret))) {
      ctx.status = 403;
      drawConfirmation(ctx, link, true);
      return;
    }
    const change = { from: details.from, to: details.to };
    const update = await accounts.directory?.changeEmail(account.sub, change, (transaction, now) =>
      links.spend('change-email', secret, transaction, now, sentForm(ctx, rooms)),
    );
    if (update?.outcome !== 'updated') {
      await answerUsedUp(ctx, secret);
      return;
    }
    noteActivity(rooms.events, ctx, { accountId: account.sub, kind: 'email-changed' });
    mailPerson(rooms, ctx, account, { kind: 'email-changed', email: details.from });
    confirmed(ctx);
  });
  router.get(`${CONFIRM_PATH}/done`, (ctx) => pages.linkResult(ctx, 'email-changed'));
}
