import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

/** What may be cached in a process and is re-read when its revision moves. */
export type RevisionTopic = 'accounts' | 'clients' | 'apis' | 'keys';

/**
 * Cache coherence over processes: whoever changes a topic moves its number in the same transaction; whoever caches
 * compares the number (one prepared primary-key read, a few µs) and drops its cache when it moved.
 */
export class Revisions {
  readonly #read: StatementSync;

  constructor(connection: DatabaseSync) {
    this.#read = connection.prepare('SELECT number FROM revisions WHERE topic = ?');
  }

  /** The topic's present number; equal numbers mean that nothing changed in between. */
  current(topic: RevisionTopic): number {
    return Number(this.#read.get(topic)?.number ?? 0);
  }

  /** Moves the number. To be called inside the transaction that makes the change. */
  async move(transaction: Kysely<DatabaseSchema>, topic: RevisionTopic): Promise<void> {
    await transaction
      .insertInto('revisions')
      .values({ topic, number: 1 })
      .onConflict((conflict) => conflict.column('topic').doUpdateSet({ number: sql`revisions.number + 1` }))
      .execute();
  }
}
