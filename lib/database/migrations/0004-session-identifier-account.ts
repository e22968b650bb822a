import { type Kysely, sql } from 'kysely';

/**
 * An identifier leads to its session only as long as the same person is signed in to it: at a sign-in, all that came
 * before end with one write (session fixation).
 */
export async function up(database: Kysely<never>): Promise<void> {
  await sql`ALTER TABLE session_identifiers ADD COLUMN account_key blob`.execute(database);
  await sql`UPDATE session_identifiers SET account_key =
    (SELECT account_key FROM sessions WHERE sessions.uid_key = session_identifiers.uid_key)`.execute(
    database,
  );
}
