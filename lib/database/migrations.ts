import { type Kysely, sql } from 'kysely';
import * as directory from './migrations/0001-directory.ts';
import * as grants from './migrations/0002-grants.ts';
import * as throttle from './migrations/0003-throttle.ts';
import type { DatabaseSchema } from './schema.ts';

/** In order; a released migration is never edited, only followed by another. */
const MIGRATIONS: ReadonlyArray<{ name: string; up: (database: Kysely<never>) => Promise<void> }> = [
  { name: '0001-directory', up: directory.up },
  { name: '0002-grants', up: grants.up },
  { name: '0003-throttle', up: throttle.up },
];

/**
 * Brings the schema up to date in one transaction. It begins IMMEDIATE, so of several processes that start at once
 * one migrates while the others wait, then find nothing to do. Throws when the database was written by a newer
 * version of the program: going on would lose what that version stored.
 */
export async function migrate(database: Kysely<DatabaseSchema>): Promise<void> {
  await database.transaction().execute(async (transaction) => {
    await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at bigint NOT NULL)`.execute(
      transaction,
    );
    const applied = new Set(
      (await transaction.selectFrom('migrations').select('name').execute()).map(({ name }) => name),
    );
    const known = new Set(MIGRATIONS.map(({ name }) => name));
    const unknown = [...applied].filter((name) => !known.has(name));
    if (unknown.length > 0) {
      throw new Error(
        `the database was upgraded by a newer version (${unknown.join(', ')}): start that version, or restore a backup`,
      );
    }
    for (const { name, up } of MIGRATIONS.filter((migration) => !applied.has(migration.name))) {
      await up(transaction as unknown as Kysely<never>);
      await transaction.insertInto('migrations').values({ name, applied_at: Date.now() }).execute();
    }
  });
}
