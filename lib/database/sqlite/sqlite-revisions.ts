import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Revisions, RevisionTopic } from '../revisions.ts';
import type { DatabaseSchema } from '../schema.ts';
import type { EmbeddedConnection } from './embedded-connection.ts';
import { answered } from './sqlite-dialect.ts';

/**
 * How long (ms) a number is taken for current without a look: a busy process looks a hundred times a second instead of several times for each
 * request. Whoever changes something says so only when this time has passed since, hence nobody acts on what was changed after that.
 */
const TRUST_MILLISECONDS = 10;
/** Timers count in whole milliseconds, and may be early by one. */
const TIMER_MILLISECONDS = 1;
/** Topics by which nothing is decided, and for which nobody is made to wait. */
const TIDINGS: ReadonlySet<RevisionTopic> = new Set(['notifications']);
/** How long (ms) after a change of this process every call looks: its transaction commits within this time. */
const OWN_CHANGE_MILLISECONDS = 1000;

const ALL = 'SELECT topic, number FROM revisions';

/** Revisions in the embedded file, where a look costs microseconds. */
export class SqliteRevisions implements Revisions {
  readonly #read: StatementSync;
  readonly #readAll: StatementSync;
  readonly #readAllShared: StatementSync;
  readonly #shared: EmbeddedConnection;
  #known: ReadonlyMap<string, number> = new Map();
  #knownUntil = 0;
  #ownChangeUntil = 0;
  readonly #moving = new WeakSet<object>();

  /** `own` is used by nobody else: the connection that the process shares tells in the middle of a transaction what may yet be taken back. */
  constructor(own: DatabaseSync, shared: EmbeddedConnection) {
    this.#shared = shared;
    this.#read = own.prepare('SELECT number FROM revisions WHERE topic = ?');
    this.#readAll = own.prepare(ALL);
    this.#readAllShared = shared.raw.prepare(ALL);
  }

  current(topic: RevisionTopic): number {
    const now = performance.now();
    if (now >= this.#knownUntil || now < this.#ownChangeUntil) {
      this.#known = new Map(this.#all().map((row) => [String(row.topic), Number(row.number)]));
      this.#knownUntil = now + TRUST_MILLISECONDS;
    }
    return this.#known.get(topic) ?? 0;
  }

  /** Mostly by the shared connection, which still has the pages that it has written. */
  #all(): Array<Record<string, unknown>> {
    return this.#shared.raw.isTransaction
      ? answered(() => this.#readAll.all())
      : this.#shared.read(() => this.#readAllShared.all());
  }

  latest(topic: RevisionTopic): number {
    return Number(answered(() => this.#read.get(topic))?.number ?? 0);
  }

  /** Whether a transaction changes anything that other processes may have in their caches, and act by. */
  changes(transaction: Kysely<DatabaseSchema>): boolean {
    return this.#moving.has(transaction);
  }

  /** Resolves once no process acts any more by what was current when this was called. */
  async seenByAll(): Promise<void> {
    await pause(TRUST_MILLISECONDS + TIMER_MILLISECONDS);
  }

  async move(transaction: Kysely<DatabaseSchema>, topic: RevisionTopic): Promise<void> {
    if (!TIDINGS.has(topic)) this.#moving.add(transaction);
    this.#ownChangeUntil = performance.now() + OWN_CHANGE_MILLISECONDS;
    await transaction
      .insertInto('revisions')
      .values({ topic, number: 1 })
      .onConflict((conflict) => conflict.column('topic').doUpdateSet({ number: sql`revisions.number + 1` }))
      .execute();
  }
}
