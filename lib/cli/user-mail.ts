import type { Command } from 'commander';
import type { AccountRecord } from '../accounts/account-directory.ts';
import type { LinkPurpose } from '../authentication/mail-links.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, notFound, refused } from './command-result.ts';
import { MANAGED_ELSEWHERE } from './managed-elsewhere.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';
import type { LinkMail } from './send-mail-link.ts';

const LANGUAGE = [
  '--language <tag>',
  'language of the mail; else the person’s own, else the default',
] as const;

interface MailOptions {
  json?: boolean;
  language?: string;
}

/** Loaded when a mail is to be sent: the pages and what they stand on take as long to load as everything else does. */
async function sendLink<Purpose extends LinkPurpose>(
  rooms: OperatorRooms,
  mail: LinkMail<Purpose>,
): Promise<CommandResult> {
  const { sendMailLink } = await import('./send-mail-link.ts');
  return sendMailLink(rooms, mail);
}

async function toPerson(
  rooms: OperatorRooms,
  subOrLogin: string,
  work: (account: AccountRecord, email: string, to: string) => Promise<CommandResult>,
): Promise<CommandResult> {
  const { directory } = rooms.accounts;
  if (directory === undefined) return MANAGED_ELSEWHERE;
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

const languageOf = (
  { language }: MailOptions,
  { claims }: AccountRecord,
): Pick<LinkMail<LinkPurpose>, 'language' | 'locale'> => ({
  language,
  locale: typeof claims.locale === 'string' ? claims.locale : undefined,
});

/** `users invite`, `users send-verification`, `users send-reset`: mails with a link, on behalf of the operator. */
export function addUserMailCommands(users: Command, context: CommandContext): void {
  withJson(users.command('invite <email>'))
    .description('send somebody a link to make an account; registration must not be off')
    .option(...LANGUAGE)
    .action((email: string, options: MailOptions) =>
      context.runInRooms(options, async (rooms) => {
        const { configuration, accounts } = rooms;
        if (accounts.directory === undefined) return MANAGED_ELSEWHERE;
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
          language: options.language,
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
          const link = {
            purpose: 'verify-email',
            account: account.sub,
            details: { email },
            seconds,
          } as const;
          return sendLink(rooms, { kind: 'verify-email', to, ...languageOf(options, account), link });
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
          const link = {
            purpose: 'reset-password',
            account: account.sub,
            details: { email },
            seconds,
          } as const;
          return sendLink(rooms, { kind: 'reset', to, ...languageOf(options, account), link });
        }),
      ),
    );
}
