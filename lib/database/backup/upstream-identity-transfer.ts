import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../schema.ts';
import type { UpstreamIdentitiesTable } from '../tables/upstream-identities.ts';

/** Who everybody is at other providers, also people who are kept elsewhere. */
export async function readUpstreamIdentities(
  query: Kysely<DatabaseSchema>,
): Promise<UpstreamIdentitiesTable[]> {
  const rows = await query
    .selectFrom('upstream_identities')
    .selectAll()
    .orderBy('issuer')
    .orderBy('subject')
    .execute();
  return rows.map((row) => ({
    ...row,
    created_at: Number(row.created_at),
    last_used_at: row.last_used_at === null ? null : Number(row.last_used_at),
  }));
}

/** Adds identities that are not there yet, and answers how many; one that is there stays as it is, whosever it is. */
export async function addUpstreamIdentities(
  transaction: Kysely<DatabaseSchema>,
  identities: ReadonlyArray<UpstreamIdentitiesTable>,
  { pretend }: { pretend: boolean },
): Promise<number> {
  let added = 0;
  for (const identity of identities) {
    const present = await transaction
      .selectFrom('upstream_identities')
      .select('sub')
      .where('issuer', '=', identity.issuer)
      .where('subject', '=', identity.subject)
      .executeTakeFirst();
    if (present !== undefined) continue;
    added += 1;
    if (!pretend) await transaction.insertInto('upstream_identities').values(identity).execute();
  }
  return added;
}
