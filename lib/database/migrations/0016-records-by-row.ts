import path from 'node:path';
import { type Kysely, sql } from 'kysely';
import { freeBytes, MEBIBYTE } from '../free-room.ts';

const COLUMNS = sql.raw(
  'key, model, grant_key, generation, session_key, user_code_key, consumed_at, written_at, expires_at, stamp, payload',
);

/** A copy of all records is written to the log, and from there into the file. Where there is no room for both, nothing could be written any more. */
async function requireRoom(database: Kysely<never>): Promise<void> {
  const { rows } = await sql<{ file: string; bytes: number }>`SELECT
    (SELECT file FROM pragma_database_list WHERE name = 'main') AS file,
    ((SELECT page_count FROM pragma_page_count) - (SELECT freelist_count FROM pragma_freelist_count))
      * (SELECT page_size FROM pragma_page_size) AS bytes`.execute(database);
  const [{ file, bytes } = { file: '', bytes: 0 }] = rows;
  const directory = path.dirname(file);
  const [needed, free] = [2 * bytes, freeBytes(directory)];
  if (free >= needed) return;
  const [takes, left] = [Math.ceil(needed / MEBIBYTE), Math.floor(free / MEBIBYTE)];
  throw new Error(
    `the database in ${directory} cannot be brought up to date: that takes ${takes} MiB of free room on its disk, and ${left} are left`,
  );
}

/**
 * What the protocol engine remembers, row behind row as it comes, with its keys beside it. Clustered by its key, as it was, a tree of rows of a fifth of a
 * page has four branches where one of keys has ninety, and each token that is issued writes a page of its own.
 */
export async function up(database: Kysely<never>): Promise<void> {
  await requireRoom(database);
  const statements = [
    sql`CREATE TABLE records_by_row (
      key blob NOT NULL PRIMARY KEY, model text NOT NULL, grant_key blob, generation integer, session_key blob, user_code_key blob,
      consumed_at integer, written_at integer NOT NULL, expires_at integer NOT NULL, stamp integer NOT NULL,
      payload blob NOT NULL
    )`,
    sql`INSERT INTO records_by_row (${COLUMNS}) SELECT ${COLUMNS} FROM engine_records WHERE expires_at > ${Math.floor(Date.now() / 1000)}`,
    sql`DROP TABLE engine_records`,
    sql`ALTER TABLE records_by_row RENAME TO engine_records`,
    sql`CREATE INDEX engine_records_expiry ON engine_records (expires_at)`,
    sql`CREATE INDEX engine_records_user_code ON engine_records (user_code_key) WHERE user_code_key IS NOT NULL`,
  ];
  for (const statement of statements) await statement.execute(database);
}
