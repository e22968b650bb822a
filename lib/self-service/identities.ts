import { hash } from 'node:crypto';
import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import { fieldsOf, seeOther, text } from '../interactions/pending-step.ts';
import { ensureUpstreamBrowser, upstreamBrowser } from '../interactions/upstream-browser.ts';
import { IDENTITY_ANSWER_PATH } from '../interactions/upstream-routes.ts';
import { reportUpstreamProblem } from '../interactions/upstream-steps.ts';
import type { Log } from '../observability/log.ts';
import { ACCOUNT_CLIENT_ID } from '../provider/sign-in/account-client.ts';
import type { UpstreamIdentity } from '../upstream/upstream-identities.ts';
import type { UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import type { AccountPages, IdentityProblem } from './account-pages.ts';
import { doneAt, type OwnPageRooms, type OwnPages, type Show } from './own-page.ts';
import { withProvedFactors } from './proved-factors.ts';
import { afterSecurityChange, type SecurityChangeRooms } from './security-change.ts';
import type { SignedInPerson } from './signed-in-person.ts';

const IDENTITIES_PATH = '/account/identities';
/** Whoever changes how somebody signs in has proved themselves lately. */
const DEMAND = { fresh: true, page: IDENTITIES_PATH };

/** What the pages about accounts elsewhere work with. */
export interface IdentityPageRooms extends SecurityChangeRooms, OwnPageRooms {
  configuration: Pick<Configuration, 'issuer'>;
  accounts: AccountAdapter;
  secondFactors: SecondFactors;
  /** Undefined while no other provider is configured. */
  upstream: UpstreamSignIn | undefined;
  pages: AccountPages;
  log: Log;
}

/** What a form calls one of a person's identities. */
function identityId({ issuer, subject }: Pick<UpstreamIdentity, 'issuer' | 'subject'>): string {
  return hash('sha256', JSON.stringify([issuer, subject]), 'base64url');
}

/** A person's accounts at other providers: connect some, disconnect them. Nothing where there are no providers. */
export function addIdentities({ page, form }: OwnPages, rooms: IdentityPageRooms): void {
  const { configuration, accounts, upstream, pages } = rooms;
  if (upstream === undefined) return;
  const { identities } = upstream;
  const { issuer } = configuration;
  const proved = withProvedFactors(rooms, DEMAND);

  const show: Show = async (ctx, person, problem) => {
    const theirs = (await identities.listOf(person.account.sub)).map((identity) => ({
      ...identity,
      id: identityId(identity),
      provider: upstream.nameOf(identity.provider),
    }));
    const { providers, issuers } = upstream;
    const model = { identities: theirs, providers, issuers };
    await pages.draw(ctx, 'account-identities', person, model, problem);
  };

  async function fail(
    ctx: Koa.Context,
    person: SignedInPerson,
    { id, reason, cause }: { id: string; reason: IdentityProblem; cause?: unknown },
  ): Promise<void> {
    const isTold = reason !== 'taken' && reason !== 'last';
    const reference = isTold ? reportUpstreamProblem(rooms, ctx, { id, reason, cause }) : undefined;
    ctx.status = reason === 'unreachable' ? 503 : 409;
    await show(ctx, person, { kind: 'identity', reason, provider: upstream?.nameOf(id) ?? id, reference });
  }

  page(IDENTITIES_PATH, DEMAND, proved(show));

  form(
    `${IDENTITIES_PATH}/connect`,
    DEMAND,
    proved(async (ctx, person) => {
      const id = text(fieldsOf(ctx).provider);
      const attempt = {
        provider: id,
        purpose: 'link',
        place: person.sessionUid,
        clientId: ACCOUNT_CLIENT_ID,
      } as const;
      const browser = ensureUpstreamBrowser(ctx, issuer);
      const begun = await upstream.begin(attempt, { browser, uiLocales: undefined });
      if (begun === undefined) seeOther(ctx, IDENTITIES_PATH);
      else if (begun.outcome === 'begun') seeOther(ctx, begun.url.href);
      else await fail(ctx, person, { id, reason: 'unreachable', cause: begun.cause });
    }),
    show,
  );

  page(
    IDENTITY_ANSWER_PATH,
    DEMAND,
    proved(async (ctx, person) => {
      const id = text(ctx.query.provider);
      const answer = new URLSearchParams(text(ctx.query.answer));
      const attempt = upstream.attemptOf(id, answer.get('state') ?? '', upstreamBrowser(ctx, issuer));
      if (attempt?.purpose !== 'link' || attempt.place !== person.sessionUid) {
        seeOther(ctx, IDENTITIES_PATH);
        return;
      }
      const judged = await upstream.judge(attempt, answer);
      if (judged.outcome === 'failed') {
        await fail(ctx, person, { id, ...judged });
        return;
      }
      const outcome = await upstream.link(judged.identity, person.account.sub);
      if (outcome === 'taken') {
        await fail(ctx, person, { id, reason: 'taken' });
        return;
      }
      if (outcome === 'linked') {
        await afterSecurityChange(rooms, ctx, { person, kind: 'identity-linked', endsOthers: true });
      }
      doneAt(ctx, IDENTITIES_PATH, 'identity-linked');
    }),
  );

  form(
    `${IDENTITIES_PATH}/unlink`,
    DEMAND,
    proved(async (ctx, person) => {
      const { sub } = person.account;
      const id = text(fieldsOf(ctx).identity);
      const theirs = await identities.listOf(sub);
      const identity = theirs.find((each) => identityId(each) === id);
      // Where people are kept elsewhere, it is not known here how else they could sign in.
      const keepsLast = accounts.directory !== undefined;
      const { issuers } = upstream;
      const outcome =
        identity === undefined ? 'not_found' : await identities.unlink(sub, identity, { keepsLast, issuers });
      if (identity !== undefined && outcome === 'last') {
        await fail(ctx, person, { id: identity.provider, reason: 'last' });
        return;
      }
      if (outcome === 'unlinked') {
        await afterSecurityChange(rooms, ctx, { person, kind: 'identity-unlinked', endsOthers: true });
      }
      doneAt(ctx, IDENTITIES_PATH, 'identity-unlinked');
    }),
    show,
  );
}
