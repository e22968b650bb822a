import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import { mailAddress } from '../mail/mail-address.ts';
import { userAgentOf } from '../provider/sign-in/session-device.ts';
import type { SecurityMail } from './mail-link-pages.ts';
import type { MailLinkRooms } from './mail-link-rooms.ts';
import { text } from './pending-step.ts';

/** What a notice goes out by. */
export type NoticeRooms = Pick<MailLinkRooms, 'events' | 'mail' | 'mailTexts'>;

/** Notes among a person's recent activity what happened to their account in this request, and tells them by mail. */
export function tellPerson(
  { events, mail, mailTexts }: NoticeRooms,
  ctx: Koa.Context,
  { sub, claims }: Account,
  kind: SecurityMail,
): void {
  const place = { address: ctx.ip, userAgent: userAgentOf(ctx) };
  events.emit('account.activity', { accountId: sub, kind, ...place });
  const to = mailAddress(text(claims.email));
  const locale = mailTexts.localeFor(ctx, claims.locale);
  if (to !== undefined) mail.send(() => ({ to, ...mailTexts.compose(kind, locale) }));
}
