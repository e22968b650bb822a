import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { Mail } from '../mail/mail.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { Events } from '../observability/events.ts';
import { userAgentOf } from '../provider/sign-in/session-device.ts';
import type { MailTexts, SecurityMail } from './mail-link-pages.ts';
import { text } from './pending-step.ts';

/** What a notice goes out by. */
export interface NoticeRooms {
  events: Events;
  mail: Mail;
  mailTexts: MailTexts;
}

/** Notes among a person's recent activity what happened in this request, and from where; `clientId`: the application that it is about. */
export function noteActivity(
  events: Events,
  ctx: Koa.Context,
  entry: { accountId: string; kind: string; clientId?: string },
): void {
  events.emit('account.activity', { ...entry, address: ctx.ip, userAgent: userAgentOf(ctx) });
}

/**
 * Tells a person by mail what happened to their account, in the language that they have chosen, else in that of this request, if there
 * is one: at `email`, else at their present address; not at all where that is none. `at` (Unix time, ms): the moment that the mail names.
 */
export function mailPerson(
  { mail, mailTexts }: Pick<NoticeRooms, 'mail' | 'mailTexts'>,
  ctx: Koa.Context | undefined,
  { claims }: Pick<Account, 'claims'>,
  { kind, email, at }: { kind: SecurityMail; email?: string | undefined; at?: number },
): void {
  const to = mailAddress(email ?? text(claims.email));
  const locale = mailTexts.localeFor(ctx, claims.locale);
  const details = at === undefined ? undefined : { at };
  if (to !== undefined) mail.send(() => ({ to, ...mailTexts.compose(kind, locale, details) }));
}

/** Both: what happened to a person's account in this request is among their recent activity, and told by mail. */
export function tellPerson(rooms: NoticeRooms, ctx: Koa.Context, account: Account, kind: SecurityMail): void {
  noteActivity(rooms.events, ctx, { accountId: account.sub, kind });
  mailPerson(rooms, ctx, account, { kind });
}
