import type { Configuration } from '../../config/configuration.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import type { Grants, SessionRecord } from '../grants/grants.ts';
import { knownByBrowser } from '../interactions/known-browser.ts';
import { fieldsOf, text } from '../interactions/pending-step.ts';
import { noteActivity } from '../interactions/security-notice.ts';
import type { Events } from '../observability/events.ts';
import type { AccountPages, SessionEntry } from './account-pages.ts';
import { doneAt, type OwnPages, type Show } from './own-page.ts';
import type { SignedInPerson } from './signed-in-person.ts';

const SESSIONS_PATH = '/account/sessions';

/** A person's sessions as they see them, this browser's first, then by last use. */
export async function sessionsOf(grants: Grants, person: SignedInPerson): Promise<SessionEntry[]> {
  const records = await grants.listSessions({ accountId: person.account.sub });
  return records
    .map((record) => entryOf(record, person.sessionUid))
    .sort(
      (one, other) => Number(other.current) - Number(one.current) || (other.usedAt ?? 0) - (one.usedAt ?? 0),
    );
}

function entryOf({ uid, loginAt, device }: SessionRecord, currentUid: string): SessionEntry {
  return {
    uid,
    userAgent: device?.userAgent,
    address: device?.address,
    signedInAt: loginAt,
    usedAt: device?.usedAt,
    current: uid === currentUid,
  };
}

/** Where a person is signed in, and how they end one session or all others. */
export function addSessions(
  { page, form }: OwnPages,
  {
    configuration,
    grants,
    pages,
    events,
    knownBrowsers,
  }: {
    configuration: Pick<Configuration, 'issuer'>;
    grants: Grants;
    pages: AccountPages;
    events: Events;
    knownBrowsers: Pick<KnownBrowsers, 'forget'>;
  },
): void {
  const show: Show = async (ctx, person, problem) =>
    pages.draw(ctx, 'account-sessions', person, { sessions: await sessionsOf(grants, person) }, problem);

  page(SESSIONS_PATH, {}, (ctx, person) => show(ctx, person));
  form(
    `${SESSIONS_PATH}/end`,
    { page: SESSIONS_PATH },
    async (ctx, person) => {
      const uid = text(fieldsOf(ctx).session);
      // Only what is among the person's own: an identifier of somebody else's is nothing here.
      const own = (await sessionsOf(grants, person)).find(
        (session) => session.uid === uid && !session.current,
      );
      if (own !== undefined && (await grants.endSession(uid)).outcome === 'ended') {
        noteActivity(events, ctx, { accountId: person.account.sub, kind: 'session-ended' });
      }
      doneAt(ctx, SESSIONS_PATH, 'session-ended');
    },
    show,
  );
  form(
    `${SESSIONS_PATH}/end-others`,
    { page: SESSIONS_PATH },
    async (ctx, person) => {
      const others = (await sessionsOf(grants, person)).filter(({ current }) => !current);
      for (const { uid } of others) await grants.endSession(uid);
      const accountId = person.account.sub;
      await knownBrowsers.forget(accountId, knownByBrowser(ctx, configuration.issuer));
      if (others.length > 0) noteActivity(events, ctx, { accountId, kind: 'sessions-ended' });
      doneAt(ctx, SESSIONS_PATH, 'sessions-ended');
    },
    show,
  );
}
