import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../schema.ts';
import type { PasskeysTable } from '../tables/passkeys.ts';

/** Rows of one statement: SQLite takes some thirty thousand parameters. */
const ROWS_AT_ONCE = 500;

/** Every passkey of a directory, also of people who are kept elsewhere. */
export async function readPasskeys(query: Kysely<DatabaseSchema>): Promise<PasskeysTable[]> {
  const rows = await query.selectFrom('passkeys').selectAll().orderBy('credential_id').execute();
  const optional = (moment: number | null): number | null => (moment === null ? null : Number(moment));
  return rows.map((row) => ({
    ...row,
    counter: Number(row.counter),
    created_at: Number(row.created_at),
    last_used_at: optional(row.last_used_at),
    copy_suspected_at: optional(row.copy_suspected_at),
  }));
}

/**
 * Adds passkeys that are not there yet, and answers how many; one that is there stays as it is, whosever it is: it has been used
 * since, or removed elsewhere.
 */
export async function addPasskeys(
  transaction: Kysely<DatabaseSchema>,
  passkeys: ReadonlyArray<PasskeysTable>,
  { pretend }: { pretend: boolean },
): Promise<number> {
  let added = 0;
  for (let at = 0; at < passkeys.length; at += ROWS_AT_ONCE) {
    const some = passkeys.slice(at, at + ROWS_AT_ONCE);
    const ids = some.map(({ credential_id: id }) => id);
    const present = await transaction
      .selectFrom('passkeys')
      .select('credential_id')
      .where('credential_id', 'in', ids)
      .execute();
    const known = new Set(present.map(({ credential_id: id }) => id));
    const missing = some.filter(({ credential_id: id }) => !known.has(id));
    added += missing.length;
    if (!pretend && missing.length > 0) await transaction.insertInto('passkeys').values(missing).execute();
  }
  return added;
}
