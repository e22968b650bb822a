import type Koa from 'koa';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { SecurityMail } from '../interactions/mail-link-pages.ts';
import { type NoticeRooms, tellPerson } from '../interactions/security-notice.ts';
import type { SessionDesk } from '../provider/sign-in/browser-session.ts';
import type { SignedInPerson } from './signed-in-person.ts';

/** What what follows a change is done with. */
export interface SecurityChangeRooms extends NoticeRooms {
  sessions: SessionDesk;
  secondFactors: Pick<SecondFactors, 'devices'>;
  knownBrowsers: Pick<KnownBrowsers, 'forget'>;
}

/** A change that has been made. */
export interface SecurityChange {
  person: SignedInPerson;
  kind: SecurityMail;
  /** Whether every other session of the person ends, and every token: what lets somebody in was changed. */
  endsOthers: boolean;
}

/**
 * What follows a change to how somebody signs in: it is among their recent activity, they hear of it by mail, and what might
 * be in other hands ends. To be called when the change is kept. The person stays signed in here, in a session of another
 * identifier, which is answered: forms of before are no longer good.
 */
export async function afterSecurityChange(
  rooms: SecurityChangeRooms,
  ctx: Koa.Context,
  { person, kind, endsOthers }: SecurityChange,
): Promise<SignedInPerson> {
  const { account } = person;
  tellPerson(rooms, ctx, account, kind);
  if (!endsOthers) return person;
  await rooms.secondFactors.devices.forget(account.sub);
  await rooms.knownBrowsers.forget(account.sub);
  const { sessionUid: uid, authenticatedAt, methods } = person;
  const renewed = await rooms.sessions.renew(ctx, { uid, accountId: account.sub, authenticatedAt, methods });
  return { ...person, sessionUid: renewed.uid };
}
