import { domainToASCII } from 'node:url';
import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import { registrationIsOpen } from '../accounts/registration-is-open.ts';
import type { FoundLink } from '../authentication/mail-links.ts';
import { domainOf, mailAddress } from '../mail/mail-address.ts';
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
import { isSignedIn, parallelAnswer, soon } from './parallel-answer.ts';
import { fieldsOf, type Step, seeOther, text } from './pending-step.ts';
import { acceptProof } from './proof.ts';
import { tellProblem } from './tell-problem.ts';

/** Where the link of a mail leads. */
export const REGISTER_PATH = '/register';

/** Whether an address that `mailAddress` answered is of a domain from which people may make accounts. */
export function isOfAllowedDomain(
  email: string,
  { allowedDomains }: Pick<Configuration['registration'], 'allowedDomains'>,
): boolean {
  const domain = domainOf(email);
  return allowedDomains.length === 0 || allowedDomains.some((allowed) => domainToASCII(allowed) === domain);
}

interface RegisterLink {
  secret: string;
  found: FoundLink<'register'>;
}

/** How somebody makes an account: give an address, follow the link of its mail, choose a name and a password. */
export interface RegistrationSteps {
  show: Step;
  /** Answers the same, after the same work, whether or not the address has an account; the owner is told by mail. */
  ask: Step;
  /** Leads on to the interaction that the link came from, which tells whether this is its browser. */
  open(ctx: Koa.Context): Promise<void>;
  showCompletion(ctx: Koa.Context): Promise<void>;
  complete(ctx: Koa.Context): Promise<void>;
}

/**
 * Registration. There is no account before the address is proved, and its password is chosen by whoever proved it: nobody
 * can prepare an account for somebody else's address (pre-hijacking), nor keep an address from its owner.
 */
export function registrationSteps(rooms: MailLinkRooms): RegistrationSteps {
  const { configuration, desk, accounts, links, mail, mailTexts, pages, forms } = rooms;
  const { issuer, lifetimes, registration } = configuration;
  const isOpen = registrationIsOpen(configuration, accounts);

  function draw(ctx: Koa.Context, interaction: PendingInteraction, problem?: AskProblem): void {
    const email = text(fieldsOf(ctx).email) || text(interaction.params.login_hint);
    if (problem !== undefined) tellProblem(ctx, problem);
    pages.askRegister(ctx, interaction, { email, problem });
  }

  const show: Step = async (ctx, interaction) => {
    if (isOpen) draw(ctx, interaction, ctx.method === 'POST' ? { kind: 'form-rejected' } : undefined);
  };

  /**
   * Goes on where the first of two equal forms has led; false when there was none. Its sign-in may be under way still, or have a second step
   * to take.
   */
  async function followsFirst(ctx: Koa.Context, form: LinkUse, clientId: string): Promise<boolean> {
    if (!(await soon(async () => (await isRepeat(ctx, rooms, form)) || undefined))) return false;
    const { uid } = ctx.params;
    const interaction = uid === undefined ? undefined : await desk.pending(ctx, uid);
    const state =
      interaction === undefined || 'outcome' in interaction
        ? undefined
        : await parallelAnswer(
            desk,
            interaction,
            (now) => isSignedIn(now) || (now !== 'completed' && now.proved !== undefined),
          );
    if (state === undefined || state === 'completed')
      seeOther(ctx, atClient(`${REGISTER_PATH}/done`, clientId));
    else seeOther(ctx, state.signedInTo ?? interactionUrl(uid, clientId, 'enrol'));
    return true;
  }

  async function linkOf(ctx: Koa.Context, form: LinkUse): Promise<RegisterLink | undefined> {
    const { secret } = form;
    const isOn = registration.mode !== 'off' && accounts.directory !== undefined;
    const found = isOn ? await links.find('register', secret) : undefined;
    if (found !== undefined) return { secret, found };
    if (ctx.method === 'POST' && (await followsFirst(ctx, form, text(ctx.query.client_id)))) return undefined;
    ctx.status = 410;
    await pages.linkResult(ctx, 'expired');
    return undefined;
  }

  /** The interaction that the link came from, when this browser holds it. */
  async function interactionOf(
    ctx: Koa.Context,
    { found }: RegisterLink,
  ): Promise<PendingInteraction | undefined> {
    const { uid } = ctx.params;
    if (uid === undefined || found.details.origin?.uid !== uid) return undefined;
    const interaction = await desk.pending(ctx, uid);
    return 'outcome' in interaction ? undefined : interaction;
  }

  function drawCompletion(
    ctx: Koa.Context,
    { secret, found }: RegisterLink,
    interaction: PendingInteraction | undefined,
    problem?: LinkProblem,
  ): void {
    const action =
      interaction === undefined
        ? atClient(REGISTER_PATH, found.details.origin?.clientId)
        : interactionUrl(interaction.uid, interaction.client.clientId, 'registration');
    const { email } = found.details;
    if (problem !== undefined) tellProblem(ctx, problem);
    knowLinkBrowser(ctx, rooms);
    pages.completeRegistration(ctx, {
      action,
      secret,
      email,
      name: text(fieldsOf(ctx).name),
      interaction,
      problem,
    });
  }

  return {
    show,

    async ask(ctx, interaction) {
      if (!isOpen) return;
      const email = mailAddress(text(fieldsOf(ctx).email));
      if (email === undefined || !isOfAllowedDomain(email, registration)) {
        draw(ctx, interaction, { kind: email === undefined ? 'invalid' : 'domain' });
        return;
      }
      const admittance = await admitMail(rooms, ctx, email);
      if (typeof admittance === 'object') {
        draw(ctx, interaction, admittance);
        return;
      }
      const present = await accounts.findByLogin(email);
      const seconds = lifetimes.mailLink;
      const secret = await links.create({
        purpose: 'register',
        details: { email, origin: originOf(interaction) },
        seconds,
      });
      const locale = mailTexts.localeFor(ctx, present?.claims.locale, interaction.params.ui_locales);
      if (present === undefined && admittance === 'send') {
        const url = linkUrl(issuer, REGISTER_PATH, secret);
        mail.send(() => ({ to: email, ...mailTexts.compose('register', locale, { url, seconds }) }));
      } else if (present?.disabled === false && admittance === 'send') {
        const to = mailAddress(text(present.claims.email)) ?? email;
        mail.send(() => ({ to, ...mailTexts.compose('already-registered', locale) }));
      }
      const { uid, client } = interaction;
      seeOther(ctx, `${interactionUrl(uid, client.clientId, 'mail-sent')}&for=register`);
    },

    async open(ctx) {
      const link = await linkOf(ctx, { secret: text(ctx.query.link) });
      if (link === undefined) return;
      const { origin } = link.found.details;
      if (origin === undefined) drawCompletion(ctx, link, undefined);
      else
        seeOther(ctx, `${interactionUrl(origin.uid, origin.clientId, 'registration')}&link=${link.secret}`);
    },

    async showCompletion(ctx) {
      const link = await linkOf(ctx, { secret: text(ctx.query.link) });
      if (link !== undefined) drawCompletion(ctx, link, await interactionOf(ctx, link));
    },

    async complete(ctx) {
      const fields = fieldsOf(ctx);
      const name = text(fields.name).trim();
      const form = { secret: text(fields.link), typed: [text(fields.password), name] };
      const link = await linkOf(ctx, form);
      if (link === undefined) return;
      const interaction = await interactionOf(ctx, link);
      if (!forms.verify(ctx, linkFormPurpose(link.secret))) {
        drawCompletion(ctx, link, interaction, { kind: 'form-rejected' });
        return;
      }
      const { email, origin } = link.found.details;
      const created = await accounts.directory?.create(
        {
          login: email,
          password: text(fields.password),
          claims: { email, email_verified: true, ...(name === '' ? {} : { name }) },
        },
        (transaction, now) => links.spend('register', link.secret, transaction, now),
      );
      if (created === undefined) throw new Error('a link to register where people are kept elsewhere');
      if (created.outcome === 'created') {
        const sent = sentForm(ctx, rooms, form.typed);
        // Not with the link's end, which it comes to as well where there is an account already.
        if (sent !== undefined) await links.rememberUse(link.secret, sent);
        if (interaction === undefined) {
          seeOther(ctx, atClient(`${REGISTER_PATH}/done`, origin?.clientId));
          return;
        }
        await acceptProof(rooms, ctx, interaction, { account: created.account, methods: ['pwd'] });
        return;
      }
      switch (created.reason) {
        case 'unacceptable_password':
          drawCompletion(ctx, link, interaction, { kind: 'password', rule: created.rule ?? '' });
          return;
        case 'invalid_claims':
          drawCompletion(ctx, link, interaction, { kind: 'name' });
          return;
        case 'busy':
          drawCompletion(ctx, link, interaction, { kind: 'unavailable' });
          return;
        case 'login_taken':
          // Only whoever reads that mailbox comes here.
          ctx.status = 409;
          await pages.linkResult(ctx, 'already-registered', origin?.clientId);
          return;
        case 'condition_failed':
        case 'invalid_login':
          if (await followsFirst(ctx, form, origin?.clientId ?? '')) return;
          ctx.status = 410;
          await pages.linkResult(ctx, 'expired', origin?.clientId);
          return;
        default:
          created.reason satisfies never;
      }
    },
  };
}
