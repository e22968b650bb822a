import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { MailTexts, SecurityMail } from '../interactions/mail-link-pages.ts';
import { text } from '../interactions/pending-step.ts';
import type { Mail } from '../mail/mail.ts';
import { mailAddress } from '../mail/mail-address.ts';
import type { Events } from '../observability/events.ts';
import type { SessionDesk } from '../provider/sign-in/browser-session.ts';
import { userAgentOf } from '../provider/sign-in/session-device.ts';
import type { SignedInPerson } from './signed-in-person.ts';

/** What what follows a change is done with. */
export interface SecurityChangeRooms {
  sessions: SessionDesk;
  secondFactors: Pick<SecondFactors, 'devices'>;
  knownBrowsers: Pick<KnownBrowsers, 'forget'>;
  mail: Mail;
  mailTexts: MailTexts;
  events: Events;
}

/** A change that has been made. */
export interface SecurityChange {
  person: SignedInPerson;
  kind: SecurityMail;
  /** Whether every other session of the person ends, and every token: what lets somebody in was changed. */
  endsOthers: boolean;
  /** Where the mail goes; else to the person's present address. */
  email?: string;
}

/** Tells a person by mail what happened to their account, in the language they have chosen, else in that of this request. */
export function mailOf(
  { mail, mailTexts }: Pick<SecurityChangeRooms, 'mail' | 'mailTexts'>,
  ctx: Koa.Context,
  { account, kind, email }: { account: Account; kind: SecurityMail; email?: string | undefined },
): void {
  const to = mailAddress(email ?? text(account.claims.email));
  const locale = mailTexts.localeFor(ctx, account.claims.locale);
  if (to !== undefined) mail.send(() => ({ to, ...mailTexts.compose(kind, locale) }));
}

/**
 * What follows a change to how somebody signs in: it is among their recent activity, they hear of it by mail, and what might
 * be in other hands ends. To be called when the change is kept. The person stays signed in here, in a session of another
 * identifier, which is answered: forms of before are no longer good.
 */
export async function afterSecurityChange(
  rooms: SecurityChangeRooms,
  ctx: Koa.Context,
  { person, kind, endsOthers, email }: SecurityChange,
): Promise<SignedInPerson> {
  const { account } = person;
  rooms.events.emit('account.activity', {
    accountId: account.sub,
    kind,
    address: ctx.ip,
    userAgent: userAgentOf(ctx),
  });
  mailOf(rooms, ctx, { account, kind, email });
  if (!endsOthers) return person;
  await rooms.secondFactors.devices.forget(account.sub);
  await rooms.knownBrowsers.forget(account.sub);
  const { sessionUid: uid, authenticatedAt, methods } = person;
  const renewed = await rooms.sessions.renew(ctx, { uid, accountId: account.sub, authenticatedAt, methods });
  return { ...person, sessionUid: renewed.uid };
}
