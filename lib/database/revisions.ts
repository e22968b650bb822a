import type { Kysely } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

/** What may be cached in a process and is re-read when its revision moves. */
export type RevisionTopic = 'accounts' | 'clients' | 'client_documents' | 'apis' | 'keys' | 'notifications';

/**
 * Cache coherence over processes: whoever changes a topic moves its number in the same transaction; whoever caches
 * compares the number and drops its cache when it moved. A change made by this very process is seen at once.
 */
export interface Revisions {
  /**
   * A number that stays the same as long as nothing changes; only of use to compare it within this process. Never waits:
   * a change of another process is seen by the time that process says it is made where both share the embedded file, within a second over PostgreSQL.
   * Throws DatabaseUnavailable when the database has not been heard of for so long that no cache may be trusted.
   */
  current(topic: RevisionTopic): number;
  /** The number that is stored, by a look of its own, for who asks rarely. */
  latest(topic: RevisionTopic): number | Promise<number>;
  /** Moves the number. To be called inside the transaction that makes the change. */
  move(transaction: Kysely<DatabaseSchema>, topic: RevisionTopic): Promise<void>;
}
