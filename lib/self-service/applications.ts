import type { Grants } from '../grants/grants.ts';
import { fieldsOf, text } from '../interactions/pending-step.ts';
import { noteActivity } from '../interactions/security-notice.ts';
import type { Events } from '../observability/events.ts';
import type { AccountActivity } from './account-activity.ts';
import type { AccountPages, ApplicationEntry } from './account-pages.ts';
import { doneAt, type OwnPages, type Show } from './own-page.ts';

const APPLICATIONS_PATH = '/account/applications';

/** What the list of applications is made of. */
export interface ApplicationRooms {
  grants: Grants;
  activity: AccountActivity;
}

const union = (one: readonly string[], other: readonly string[]): string[] => [
  ...new Set([...one, ...other]),
];

/** What a person allowed to applications, each once though there is a grant for each session; the latest first. */
export async function applicationsOf(
  { grants, activity }: ApplicationRooms,
  accountId: string,
): Promise<ApplicationEntry[]> {
  const [records, uses] = await Promise.all([
    grants.listGrants({ accountId }),
    activity.applicationUses(accountId),
  ]);
  const entries = new Map<string, ApplicationEntry>();
  for (const { clientId, identityScopes, apiScopes, createdAt } of records) {
    const known = entries.get(clientId);
    const merged: Record<string, string[]> = { ...known?.apiScopes };
    for (const [api, scopes] of Object.entries(apiScopes)) merged[api] = union(merged[api] ?? [], scopes);
    entries.set(clientId, {
      clientId,
      identityScopes: union(known?.identityScopes ?? [], identityScopes),
      apiScopes: merged,
      since: Math.min(known?.since ?? createdAt, createdAt),
      usedAt: uses.get(clientId),
    });
  }
  return [...entries.values()].sort((one, other) => other.since - one.since);
}

/** Which applications a person let in, and how they take it back (RFC 6749 §10.3, GDPR art. 7 (3)). */
export function addApplications(
  { page, form }: OwnPages,
  rooms: ApplicationRooms & { pages: AccountPages; events: Events },
): void {
  const { grants, pages, events } = rooms;
  const show: Show = async (ctx, person, problem) =>
    pages.draw(
      ctx,
      'account-applications',
      person,
      {
        applications: await applicationsOf(rooms, person.account.sub),
      },
      problem,
    );

  page(APPLICATIONS_PATH, {}, (ctx, person) => show(ctx, person));
  form(
    `${APPLICATIONS_PATH}/remove`,
    { page: APPLICATIONS_PATH },
    async (ctx, person) => {
      const accountId = person.account.sub;
      const clientId = text(fieldsOf(ctx).application);
      const [grant] = await grants.listGrants({ accountId, clientId });
      if (grant !== undefined && (await grants.revokeGrant(grant.grantId)).outcome === 'revoked') {
        noteActivity(events, ctx, { accountId, kind: 'application-removed', clientId });
      }
      doneAt(ctx, APPLICATIONS_PATH, 'application-removed');
    },
    show,
  );
}
