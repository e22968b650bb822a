import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Kysely, sql } from 'kysely';
import type { Revisions, RevisionTopic } from '../revisions.ts';
import type { DatabaseSchema } from '../schema.ts';
import { answered } from './sqlite-dialect.ts';

/**
 * How long (ms) a number is taken for current without a look: other processes' changes are seen that much later at
 * most, and a busy process looks a hundred times a second instead of several times for each request.
 */
const TRUST_MILLISECONDS = 10;
/** How long (ms) after a change of this process every call looks: its transaction commits within this time. */
const OWN_CHANGE_MILLISECONDS = 1000;

/** Revisions in the embedded file, where a look costs microseconds. */
export class SqliteRevisions implements Revisions {
  readonly #read: StatementSync;
  readonly #readAll: StatementSync;
  #known: ReadonlyMap<string, number> = new Map();
  #knownUntil = 0;
  #ownChangeUntil = 0;

  constructor(connection: DatabaseSync) {
    this.#read = connection.prepare('SELECT number FROM revisions WHERE topic = ?');
    this.#readAll = connection.prepare('SELECT topic, number FROM revisions');
  }

  current(topic: RevisionTopic): number {
    const now = performance.now();
    if (now >= this.#knownUntil || now < this.#ownChangeUntil) {
      this.#known = new Map(
        answered(() => this.#readAll.all()).map((row) => [String(row.topic), Number(row.number)]),
      );
      this.#knownUntil = now + TRUST_MILLISECONDS;
    }
    return this.#known.get(topic) ?? 0;
  }

  latest(topic: RevisionTopic): number {
    return Number(answered(() => this.#read.get(topic))?.number ?? 0);
  }

  async move(transaction: Kysely<DatabaseSchema>, topic: RevisionTopic): Promise<void> {
    this.#ownChangeUntil = performance.now() + OWN_CHANGE_MILLISECONDS;
    await transaction
      .insertInto('revisions')
      .values({ topic, number: 1 })
      .onConflict((conflict) => conflict.column('topic').doUpdateSet({ number: sql`revisions.number + 1` }))
      .execute();
  }
}
