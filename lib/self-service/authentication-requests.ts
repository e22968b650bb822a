import type Koa from 'koa';
import { weakestMeeting } from '../authentication/assurance.ts';
import {
  type SecondFactors,
  setUpsToReach,
  waysToReach,
} from '../authentication/second-factors/second-factors.ts';
import { durationOf, fieldsOf, seeOther, text } from '../interactions/pending-step.ts';
import { noteActivity } from '../interactions/security-notice.ts';
import type { Events } from '../observability/events.ts';
import type {
  AuthenticationRequestDesk,
  PendingAuthenticationRequest,
} from '../provider/devices/authentication-request-desk.ts';
import { REQUESTS_PATH } from '../provider/devices/ciba.ts';
import { missing } from '../provider/sign-in/assurance.ts';
import type { AccountPages } from './account-pages.ts';
import type { AccountSignIn } from './account-sign-in.ts';
import { doneAt, type OwnPages, type Show } from './own-page.ts';
import type { SignedInPerson } from './signed-in-person.ts';

/** What the page of requests is made of. */
export interface AuthenticationRequestRooms {
  authenticationRequests: AuthenticationRequestDesk;
  accountSignIn: AccountSignIn;
  secondFactors: SecondFactors;
  pages: AccountPages;
  events: Events;
}

/** A confirmation is a sign-in elsewhere: it takes one of lately here. */
const FRESH = { fresh: true };

/**
 * Sign-ins that applications asked for, which the person confirms or not (OpenID Connect CIBA Core §8). Whoever confirms has signed in
 * lately, and as strongly as the application, its scopes and its claims want.
 */
export function addAuthenticationRequests({ page, form }: OwnPages, rooms: AuthenticationRequestRooms): void {
  const { authenticationRequests: desk, accountSignIn, secondFactors, pages, events } = rooms;

  const show: Show = async (ctx, person, problem) =>
    pages.draw(
      ctx,
      'account-requests',
      person,
      { requests: await desk.pending(person.account.sub) },
      problem,
    );

  async function find(
    ctx: Koa.Context,
    person: SignedInPerson,
  ): Promise<PendingAuthenticationRequest | undefined> {
    const id = text(fieldsOf(ctx).request);
    return (await desk.pending(person.account.sub)).find((request) => request.id === id);
  }

  /** Leads to the factor that is missing; where the person has none that would do, the page says what they could set up first. */
  async function strengthen(
    ctx: Koa.Context,
    person: SignedInPerson,
    { client, demanded }: Pick<PendingAuthenticationRequest, 'client' | 'demanded'>,
  ): Promise<void> {
    const { account, methods } = person;
    const factors = await secondFactors.of(account);
    const acr = weakestMeeting(demanded);
    if (acr !== undefined && waysToReach(factors, methods, demanded).length > 0) {
      seeOther(ctx, accountSignIn.begin(ctx, { ...FRESH, acr, login: account.login }));
      return;
    }
    const [first] = setUpsToReach(factors, methods, demanded);
    const setUp = first === 'totp' ? 'two-step' : first === 'passkey' ? 'passkeys' : undefined;
    ctx.status = 409;
    await show(ctx, person, { kind: 'assurance', client, setUp });
  }

  async function answer(ctx: Koa.Context, person: SignedInPerson, approved: boolean): Promise<void> {
    const request = await find(ctx, person);
    if (request !== undefined && approved && missing(request.demanded, person.methods).length > 0) {
      await strengthen(ctx, person, request);
      return;
    }
    const { account, methods, authenticatedAt } = person;
    const accountId = account.sub;
    const answered =
      request === undefined
        ? undefined
        : await desk.answer(
            request.id,
            { accountId, methods, authenticatedAt },
            { approved, duration: durationOf(ctx, { client: request.client, forDevice: true }) },
          );
    if (answered?.outcome !== 'answered') {
      doneAt(ctx, REQUESTS_PATH, 'request-gone');
      return;
    }
    const kind = approved ? 'request-confirmed' : 'request-refused';
    noteActivity(events, ctx, { accountId, kind, clientId: answered.clientId });
    doneAt(ctx, REQUESTS_PATH, kind);
  }

  page(REQUESTS_PATH, FRESH, (ctx, person) => show(ctx, person));
  const options = { ...FRESH, page: REQUESTS_PATH };
  form(`${REQUESTS_PATH}/approve`, options, (ctx, person) => answer(ctx, person, true), show);
  form(`${REQUESTS_PATH}/deny`, options, (ctx, person) => answer(ctx, person, false), show);
}
