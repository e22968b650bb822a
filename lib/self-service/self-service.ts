/**
 * A signed-in person's own pages: who they are here, how they sign in, where they are signed in, what they let in, what
 * happened lately, and how they leave. This room refuses what is not the person's own, forms that our page did not send, and
 * changes that matter in a sign-in of long ago; it asks the engine for a sign-in instead of making one. It answers for ASVS 5.0
 * V7.4 and V7.5, OAuth 2.0 Multiple Response Types §4, and GDPR articles 15, 17 and 20.
 */
import Router from '@koa/router';
import type Koa from 'koa';
import type { InteractionPages } from '../interactions/interaction-pages.ts';
import type { MailLinkPages } from '../interactions/mail-link-pages.ts';
import { seeOther } from '../interactions/pending-step.ts';
import type { AuthenticationRequestDesk } from '../provider/devices/authentication-request-desk.ts';
import { ACCOUNT_SIGNED_IN_PATH } from '../provider/sign-in/account-client.ts';
import type { AccountActivity } from './account-activity.ts';
import type { AccountPages } from './account-pages.ts';
import { addApplications } from './applications.ts';
import { addAuthenticationRequests } from './authentication-requests.ts';
import { addEmail, type EmailRooms } from './email.ts';
import { addIdentities, type IdentityPageRooms } from './identities.ts';
import { addOwnData, type OwnDataRooms } from './own-data.ts';
import { type OwnPageRooms, ownPages } from './own-page.ts';
import { addPasskeys, type PasskeyPageRooms } from './passkeys.ts';
import { addPassword, type PasswordRooms } from './password.ts';
import { addProfile } from './profile.ts';
import { addSessions } from './sessions.ts';
import { addTwoStep, type TwoStepRooms } from './two-step.ts';

/** What the room works with. */
export interface SelfServiceRooms
  extends OwnPageRooms,
    PasskeyPageRooms,
    IdentityPageRooms,
    PasswordRooms,
    EmailRooms,
    OwnDataRooms {
  configuration: EmailRooms['configuration'] &
    OwnDataRooms['configuration'] &
    TwoStepRooms['configuration'] &
    IdentityPageRooms['configuration'];
  activity: AccountActivity;
  secondFactors: TwoStepRooms['secondFactors'];
  /** Undefined while `features.ciba` is off. */
  authenticationRequests: AuthenticationRequestDesk | undefined;
  pages: AccountPages & Pick<MailLinkPages, 'linkResult'> & Pick<InteractionPages, 'expired'>;
}

/** Whether a path is one of this room. */
export function isAccountPath(path: string): boolean {
  return path === '/account' || path.startsWith('/account/');
}

/** The routes under `/account`. */
export function selfServiceRoutes(rooms: SelfServiceRooms): Koa.Middleware {
  const { accounts, activity, pages, accountSignIn } = rooms;
  const router = new Router();
  const own = ownPages(router, rooms);

  own.page('/account', {}, (ctx, person) => pages.draw(ctx, 'account', person, {}));
  addProfile(own, rooms);
  addPasskeys(own, rooms);
  addIdentities(own, rooms);
  addTwoStep(own, rooms);
  addSessions(own, rooms);
  addApplications(own, rooms);
  own.page('/account/activity', {}, async (ctx, person) =>
    pages.draw(ctx, 'account-activity', person, { entries: await activity.list(person.account.sub) }),
  );
  if (rooms.authenticationRequests !== undefined) {
    const { authenticationRequests } = rooms;
    addAuthenticationRequests(own, { ...rooms, authenticationRequests });
  }
  addOwnData(own, rooms);
  if (accounts.directory !== undefined) {
    addPassword(own, rooms);
    addEmail(own, router, rooms);
    router.get('/account/delete/done', (ctx) => pages.linkResult(ctx, 'deletion-asked'));
  }

  router.get(ACCOUNT_SIGNED_IN_PATH, async (ctx) => {
    ctx.set('Cache-Control', 'no-store');
    const page = accountSignIn.end(ctx);
    // Nothing that came by somebody else's link, nor from a browser that keeps no cookies, goes on by itself.
    if (page === undefined) await pages.expired(ctx, 'unknown');
    else seeOther(ctx, ctx.query.error === undefined ? page : '/');
  });
  return router.routes() as unknown as Koa.Middleware;
}
