import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import { databaseFile, hasDatabase, holdFinishedDirectory } from './backup/staged-restore.ts';
import { missingMigrations, unknownMigrations } from './migrations.ts';
import type { DatabaseSchema } from './schema.ts';
import { BUSY_TIMEOUT_MILLISECONDS, createSqliteDialect } from './sqlite/sqlite-dialect.ts';

/** A directory as it is, opened without bringing it up to date or making anything. */
export interface InspectedDatabase {
  kind: 'sqlite' | 'postgres';
  query: Kysely<DatabaseSchema>;
  close(): Promise<void>;
}

/** Opens the embedded database to look at it; undefined when there is none. Throws what SQLite throws. */
export function inspectSqlite(dataDir: string): InspectedDatabase | undefined {
  if (!hasDatabase(dataDir)) return undefined;
  const hold = holdFinishedDirectory(dataDir);
  try {
    // Not as those who work with it open it: they put its mode and its settings right.
    const connection = new DatabaseSync(databaseFile(dataDir), { timeout: BUSY_TIMEOUT_MILLISECONDS });
    connection.prepare('SELECT count(*) FROM sqlite_schema').get();
    const query = new Kysely<DatabaseSchema>({ dialect: createSqliteDialect(connection) });
    return {
      kind: 'sqlite',
      query,
      close: async () => {
        await query.destroy();
        hold.release();
      },
    };
  } catch (error) {
    hold.release();
    throw error;
  }
}

/** How a directory's schema stands to this version of the program. */
export async function inspectSchema({
  kind,
  query,
}: InspectedDatabase): Promise<{ missing: string[]; unknown: string[] }> {
  const applied = (await query.selectFrom('migrations').select('name').execute()).map(({ name }) => name);
  return { missing: missingMigrations(applied, kind), unknown: unknownMigrations(applied) };
}

/** What SQLite says of its file: `damage` in its words when something is wrong; sizes in bytes. */
export async function inspectSqliteFile(
  query: Kysely<DatabaseSchema>,
  dataDir: string,
): Promise<{ damage: string | undefined; bytes: number; logBytes: number }> {
  const { rows } = await sql<{ quick_check: string }>`PRAGMA quick_check(1)`.execute(query);
  const result = rows[0]?.quick_check ?? 'no answer';
  const file = databaseFile(dataDir);
  return {
    damage: result === 'ok' ? undefined : result,
    bytes: statSync(file).size,
    logBytes: statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0,
  };
}
