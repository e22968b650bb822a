import { type Kysely, sql } from 'kysely';

/**
 * What the protocol engine remembers, row behind row as it comes, with its keys beside it. Clustered by its key, as it was, a tree of rows of a fifth of a
 * page has four branches where one of keys has ninety, and each token that is issued writes a page of its own.
 */
export async function up(database: Kysely<never>): Promise<void> {
  const statements = [
    sql`CREATE TABLE records_by_row (
      key blob NOT NULL PRIMARY KEY, model text NOT NULL, grant_key blob, generation integer, session_key blob, user_code_key blob,
      consumed_at integer, written_at integer NOT NULL, expires_at integer NOT NULL, stamp integer NOT NULL,
      payload blob NOT NULL
    )`,
    sql`INSERT INTO records_by_row (key, model, grant_key, generation, session_key, user_code_key, consumed_at, written_at, expires_at, stamp, payload)
      SELECT key, model, grant_key, generation, session_key, user_code_key, consumed_at, written_at, expires_at, stamp, payload
      FROM engine_records WHERE expires_at > ${Math.floor(Date.now() / 1000)}`,
    sql`DROP TABLE engine_records`,
    sql`ALTER TABLE records_by_row RENAME TO engine_records`,
    sql`CREATE INDEX engine_records_expiry ON engine_records (expires_at)`,
    sql`CREATE INDEX engine_records_user_code ON engine_records (user_code_key) WHERE user_code_key IS NOT NULL`,
  ];
  for (const statement of statements) await statement.execute(database);
}
