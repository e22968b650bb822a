import type { Command } from 'commander';
import type { AccountRecord } from '../accounts/account-directory.ts';
import { type LinkPurpose, type MailLinkDetails, MailLinks } from '../authentication/mail-links.ts';
import { chooseLocale } from '../http/locale.ts';
import { createMailTexts } from '../http/mail-texts.ts';
import { createRenderer } from '../http/render.ts';
import { createStaticAssets } from '../http/static-assets.ts';
import type { MailKind } from '../interactions/mail-link-pages.ts';
import { linkUrl } from '../interactions/mail-link-rooms.ts';
import { REGISTER_PATH } from '../interactions/registration.ts';
import { RESET_PATH } from '../interactions/reset.ts';
import { VERIFY_PATH } from '../interactions/verification.ts';
import { openDelivery } from '../mail/mail.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound, refused } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';
import { formatTime } from './table.ts';

const ELSEWHERE = refused(
  'not_managed_here',
  'people are kept by the account service or directory that is configured, not here',
);
const LANGUAGE = [
  '--language <tag>',
  'language of the mail; else the person’s own, else the default',
] as const;

interface MailOptions {
  json?: boolean;
  language?: string;
}

/** A mail with a link, and what is told of it. */
interface LinkMail<Purpose extends LinkPurpose> {
  kind: MailKind;
  to: string;
  path: string;
  locale: string | undefined;
  link: { purpose: Purpose; account?: string; details: MailLinkDetails[Purpose]; seconds: number };
}

async function sendLink<Purpose extends LinkPurpose>(
  { configuration, database }: OperatorRooms,
  { kind, to, path, locale, link }: LinkMail<Purpose>,
): Promise<CommandResult> {
  const { branding, languages, viewsDir, issuer } = configuration;
  const assets = createStaticAssets({ branding, viewsDir });
  const renderer = createRenderer({ branding, languages, viewsDir, assets });
  const texts = createMailTexts({ branding, renderer });
  const secret = await new MailLinks(database).create(link);
  const url = linkUrl(issuer, path, secret);
  const language = chooseLocale(locale, undefined, renderer.locales);
  const delivery = openDelivery(configuration);
  try {
    await delivery.deliver({ to, ...texts.compose(kind, language, { url, seconds: link.seconds }) });
  } catch (error) {
    const { code = 'unknown', responseCode } = error as { code?: string; responseCode?: number };
    const said = responseCode === undefined ? '' : `, the server said ${responseCode}`;
    return refused('mail_not_sent', `the mail was not taken (${code}${said}): see smtp_url`);
  } finally {
    delivery.close();
  }
  const expiresAt = formatTime(database.now() + link.seconds * 1000);
  // The link itself is for whoever reads the mailbox: that is what it proves.
  return done({ sent_to: to, expires_at: expiresAt }, `sent to ${to}; the link is good until ${expiresAt}`);
}

async function toPerson(
  rooms: OperatorRooms,
  subOrLogin: string,
  work: (account: AccountRecord, email: string, to: string) => Promise<CommandResult>,
): Promise<CommandResult> {
  const { directory } = rooms.accounts;
  if (directory === undefined) return ELSEWHERE;
  const account = await directory.show(subOrLogin);
  if (account === undefined) return notFound(`user ${subOrLogin}`);
  if (account.disabled) return refused('disabled', `${account.login} is disabled`);
  const email = typeof account.claims.email === 'string' ? account.claims.email : '';
  const to = mailAddress(email);
  if (to === undefined) {
    return refused('no_address', `${account.login} has no e-mail address that mail can be sent to`);
  }
  return work(account, email, to);
}

const localeOf = ({ claims }: AccountRecord): string | undefined =>
  typeof claims.locale === 'string' ? claims.locale : undefined;

/** `users invite`, `users send-verification`, `users send-reset`: mails with a link, on behalf of the operator. */
export function addUserMailCommands(users: Command, context: CommandContext): void {
  withJson(users.command('invite <email>'))
    .description('send somebody a link to make an account; registration must not be off')
    .option(...LANGUAGE)
    .action((email: string, options: MailOptions) =>
      context.runInRooms(options, async (rooms) => {
        const { configuration, accounts } = rooms;
        if (accounts.directory === undefined) return ELSEWHERE;
        if (configuration.registration.mode === 'off') {
          return refused('registration_off', 'registration.mode is off: set it to invitation, or to open');
        }
        const to = mailAddress(email);
        if (to === undefined) return refused('invalid_address', `${email} is no mail address`);
        if ((await accounts.findByLogin(to)) !== undefined) {
          return refused('login_taken', `${to} has an account`);
        }
        const { invitation: seconds } = configuration.lifetimes;
        const link = { purpose: 'register', details: { email: to }, seconds } as const;
        return sendLink(rooms, {
          kind: 'invitation',
          to,
          path: REGISTER_PATH,
          locale: options.language,
          link,
        });
      }),
    );

  withJson(users.command('send-verification <sub-or-login>'))
    .description('send a person a link to confirm their e-mail address')
    .option(...LANGUAGE)
    .action((subOrLogin: string, options: MailOptions) =>
      context.runInRooms(options, (rooms) =>
        toPerson(rooms, subOrLogin, async (account, email, to) => {
          if (account.claims.email_verified === true) {
            return refused('already_verified', `${email} is verified`);
          }
          const { mailLink: seconds } = rooms.configuration.lifetimes;
          const locale = options.language ?? localeOf(account);
          const link = {
            purpose: 'verify-email',
            account: account.sub,
            details: { email },
            seconds,
          } as const;
          return sendLink(rooms, { kind: 'verify-email', to, path: VERIFY_PATH, locale, link });
        }),
      ),
    );

  withJson(users.command('send-reset <sub-or-login>'))
    .description('send a person a link to choose a new password')
    .option(...LANGUAGE)
    .action((subOrLogin: string, options: MailOptions) =>
      context.runInRooms(options, (rooms) =>
        toPerson(rooms, subOrLogin, async (account, email, to) => {
          const { mailLink: seconds } = rooms.configuration.lifetimes;
          const locale = options.language ?? localeOf(account);
          const link = {
            purpose: 'reset-password',
            account: account.sub,
            details: { email },
            seconds,
          } as const;
          return sendLink(rooms, { kind: 'reset', to, path: RESET_PATH, locale, link });
        }),
      ),
    );
}
