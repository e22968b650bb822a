import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../schema.ts';

/**
 * A stretch of time in which the directory never went back. What a store remembers (sessions, codes, tokens, consents,
 * proofs that were shown) counts in the epoch in which it was written. A restore begins a new one: the copy cannot know what
 * was revoked, rotated or used after it was made, so nothing of before may count again.
 */
export interface Epoch {
  /** Random, never the same twice, also when the directory is restored twice from one copy. */
  id: string;
  /** Unix time, ms; 0 when it began with the installation. */
  beganAt: number;
}

/** What is remembered of one epoch, and what only helps while processes run; a backup leaves it out, a restore empties it. */
export const TRANSIENT_TABLES = [
  'engine_records',
  'grants',
  'session_identifiers',
  'sessions',
  'account_endings',
  'throttle',
  'leases',
  'mail_links',
  'account_deletions',
  'mail_codes',
  'remembered_devices',
  'known_browsers',
  'answered_challenges',
  'registration_tokens',
  'client_documents',
  'notifications',
  'authentication_requests',
  'upstream_sessions',
] as const;

/** The present epoch. */
export async function readEpoch(query: Kysely<DatabaseSchema>): Promise<Epoch> {
  const row = await query
    .selectFrom('epochs')
    .selectAll()
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return { id: row.id, beganAt: Number(row.began_at) };
}

/**
 * Begins a new epoch in a directory that went back in time; to be called inside a transaction. No signing key of before
 * signs or verifies any more (one that was withdrawn since the copy may be among them). Revision numbers jump ahead of all
 * that were given out after the copy was made, so that no cache takes an old state for its own.
 */
export async function beginEpoch(transaction: Kysely<DatabaseSchema>, now: number): Promise<Epoch> {
  const { number } = await transaction
    .selectFrom('epochs')
    .select((expression) => expression.fn.max('number').as('number'))
    .executeTakeFirstOrThrow();
  const epoch = { id: randomUUID(), beganAt: now };
  await transaction
    .insertInto('epochs')
    .values({ number: Number(number) + 1, id: epoch.id, began_at: now })
    .execute();
  await transaction.deleteFrom('signing_keys').execute();
  await transaction.deleteFrom('leases').execute();
  await transaction.deleteFrom('mail_links').execute();
  // One of them may have been taken back since the copy was made, and what it asks for cannot be.
  await transaction.deleteFrom('account_deletions').execute();
  await transaction.deleteFrom('mail_codes').execute();
  await transaction.deleteFrom('remembered_devices').execute();
  await transaction.deleteFrom('known_browsers').execute();
  await transaction.deleteFrom('answered_challenges').execute();
  // The copy cannot know how often a registration token was used since, or that it was revoked.
  await transaction.deleteFrom('registration_tokens').execute();
  await transaction.deleteFrom('client_documents').execute();
  await transaction.deleteFrom('notifications').execute();
  await transaction.deleteFrom('authentication_requests').execute();
  await transaction.deleteFrom('upstream_sessions').execute();
  for (const topic of ['accounts', 'clients', 'client_documents', 'apis', 'keys'] as const) {
    // No directory is changed once a millisecond all its life, so the time in ms is ahead of every count.
    const values = { topic, number: now };
    await transaction
      .insertInto('revisions')
      .values(values)
      .onConflict((conflict) =>
        conflict.column('topic').doUpdateSet(({ ref, eb }) => ({
          number: eb
            .case()
            .when(ref('revisions.number'), '>=', now)
            .then(eb(ref('revisions.number'), '+', 1))
            .else(now)
            .end(),
        })),
      )
      .execute();
  }
  return epoch;
}

/**
 * Puts an embedded file in step with the directory's epoch: when the directory began another one since (it was restored, or
 * is another directory), what the file remembers is dropped, in one transaction with the note of it.
 */
export function followEpoch(connection: DatabaseSync, epoch: Epoch): void {
  connection.exec('BEGIN IMMEDIATE');
  try {
    const last = connection.prepare('SELECT number, id FROM epochs ORDER BY number DESC LIMIT 1').get();
    if (last?.id !== epoch.id) {
      dropRemembered(connection);
      connection
        .prepare('INSERT INTO epochs (number, id, began_at) VALUES (?, ?, ?)')
        .run(Number(last?.number ?? 0) + 1, epoch.id, epoch.beganAt);
    }
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

/** Empties what an embedded file remembers. SQLite does it at once, however much it is. */
export function dropRemembered(connection: DatabaseSync): void {
  for (const table of TRANSIENT_TABLES) connection.exec(`DELETE FROM ${table}`);
}
