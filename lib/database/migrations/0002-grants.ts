import { type Kysely, sql } from 'kysely';

/**
 * What the protocol engine remembers: see lib/grants. Keys are digests, payloads sealed; a stamp tells which sealed value a
 * row holds. Tables are clustered by their
 * key (WITHOUT ROWID), so that a look-up reads one tree.
 */
export async function up(database: Kysely<never>): Promise<void> {
  const statements = [
    // Tokens, codes, interactions, pushed requests, replay records. consumed_at, expires_at: s; written_at: ms.
    sql`CREATE TABLE engine_records (
      key blob PRIMARY KEY, model text NOT NULL, grant_key blob, generation integer, session_key blob, user_code_key blob,
      consumed_at integer, written_at integer NOT NULL, expires_at integer NOT NULL, stamp integer NOT NULL,
      payload blob NOT NULL
    ) WITHOUT ROWID`,
    sql`CREATE INDEX engine_records_expiry ON engine_records (expires_at)`,
    sql`CREATE INDEX engine_records_user_code ON engine_records (user_code_key) WHERE user_code_key IS NOT NULL`,
    // One for each person, client and session. An ended one stays, without its payload, as long as what it issued.
    sql`CREATE TABLE grants (
      key blob PRIMARY KEY, account_key blob NOT NULL, client_key blob NOT NULL, generation integer NOT NULL,
      version integer NOT NULL, ended integer NOT NULL, created_at integer NOT NULL, expires_at integer NOT NULL,
      stamp integer NOT NULL, payload blob
    ) WITHOUT ROWID`,
    sql`CREATE INDEX grants_account ON grants (account_key, client_key, created_at)`,
    sql`CREATE INDEX grants_client ON grants (client_key)`,
    sql`CREATE INDEX grants_expiry ON grants (expires_at)`,
    sql`CREATE TABLE sessions (
      uid_key blob PRIMARY KEY, account_key blob, version integer NOT NULL, ended integer NOT NULL,
      expires_at integer NOT NULL, stamp integer NOT NULL, payload blob
    ) WITHOUT ROWID`,
    sql`CREATE INDEX sessions_account ON sessions (account_key) WHERE account_key IS NOT NULL`,
    sql`CREATE INDEX sessions_expiry ON sessions (expires_at)`,
    // The identifiers in browsers' cookies: a session has a new one after each login, and the former one for a moment. One
    // leads to its session only as long as the same person is signed in to it (session fixation).
    sql`CREATE TABLE session_identifiers (
      id_key blob PRIMARY KEY, uid_key blob NOT NULL, account_key blob, expires_at integer NOT NULL
    ) WITHOUT ROWID`,
    sql`CREATE INDEX session_identifiers_expiry ON session_identifiers (expires_at)`,
    // Nothing that began before a person's ending may bring them back. ended_at: ms.
    sql`CREATE TABLE account_endings (
      account_key blob PRIMARY KEY, ended_at integer NOT NULL, expires_at integer NOT NULL
    ) WITHOUT ROWID`,
    sql`CREATE INDEX account_endings_expiry ON account_endings (expires_at)`,
  ];
  for (const statement of statements) await statement.execute(database);
}
