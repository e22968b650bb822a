import { type Kysely, sql } from 'kysely';
import type { DatabaseLog } from '../database-log.ts';
import { DatabaseUnavailable } from '../database-unavailable.ts';
import type { Revisions, RevisionTopic } from '../revisions.ts';
import type { DatabaseSchema } from '../schema.ts';
import type { PostgresConnections } from './postgres-connection.ts';
import { PostgresListener } from './postgres-listener.ts';

/** On which listeners hear that some revision moved. They look which: what comes here is a hint, and may get lost. */
const CHANNEL = 'latchkey_revisions';

interface Look {
  /** The server's clock; Unix time, ms. */
  now: number;
  numbers: Partial<Record<RevisionTopic, number>> | null;
}

const LOOK = `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
  (SELECT json_object_agg(topic, number) FROM revisions) AS numbers`;

/**
 * Revisions in PostgreSQL. The commit that moves one wakes every listening process (NOTIFY is part of the transaction), which
 * then looks once for all its caches; besides that each looks twice a second, so that a lost notification costs half a
 * second and no more. No request looks.
 */
export class PostgresRevisions implements Revisions {
  readonly #query: Kysely<DatabaseSchema>;
  readonly #staleness: number;
  readonly #listener: PostgresListener<Look>;
  readonly #known = new Map<RevisionTopic, { number: number; version: number }>();
  readonly #moved = new WeakMap<object, Map<RevisionTopic, number>>();
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #clockOffset = 0;

  /** `onTrouble` is called each time the connection that listens is lost. */
  constructor(options: {
    query: Kysely<DatabaseSchema>;
    connections: PostgresConnections;
    log: DatabaseLog;
    onTrouble: () => void;
  }) {
    this.#query = options.query;
    this.#staleness = options.connections.settings.staleness * 1000;
    this.#listener = new PostgresListener<Look>({
      ...options,
      channel: CHANNEL,
      look: LOOK,
      onLook: (look, times) => this.#see(look, times),
    });
  }

  /** Resolves when the first look has been taken; rejects when it cannot be. */
  start(): Promise<void> {
    return this.#listener.start();
  }

  stop(): Promise<void> {
    return this.#listener.stop();
  }

  current(topic: RevisionTopic): number {
    if (performance.now() - this.#confirmedAt > this.#staleness) {
      throw new DatabaseUnavailable(
        `PostgreSQL has not answered for ${this.#staleness / 1000} s, longer than what was read before may count`,
      );
    }
    return this.#known.get(topic)?.version ?? 0;
  }

  async latest(topic: RevisionTopic): Promise<number> {
    const row = await this.#query
      .selectFrom('revisions')
      .select('number')
      .where('topic', '=', topic)
      .executeTakeFirst();
    return row?.number ?? 0;
  }

  async move(transaction: Kysely<DatabaseSchema>, topic: RevisionTopic): Promise<void> {
    const { number } = await transaction
      .insertInto('revisions')
      .values({ topic, number: 1 })
      .onConflict((conflict) => conflict.column('topic').doUpdateSet({ number: sql`revisions.number + 1` }))
      .returning(['number', sql`pg_notify(${sql.lit(CHANNEL)}, '')`.as('told')])
      .executeTakeFirstOrThrow();
    const moved = this.#moved.get(transaction) ?? new Map<RevisionTopic, number>();
    this.#moved.set(transaction, moved.set(topic, number));
  }

  /** What this transaction moved counts now: it is committed. */
  committed(transaction: object): void {
    for (const [topic, number] of this.#moved.get(transaction) ?? []) this.#learn(topic, number);
  }

  /** Unix time (ms) by the server's clock, as far as this process can tell without asking. */
  now(): number {
    return Math.round(performance.now() + this.#clockOffset);
  }

  #see({ now, numbers }: Look, { asked, answered }: { asked: number; answered: number }): void {
    for (const [topic, number] of Object.entries(numbers ?? {})) this.#learn(topic as RevisionTopic, number);
    this.#clockOffset = now - (asked + answered) / 2;
    this.#confirmedAt = asked;
  }

  /**
   * Any other number is news, also a smaller one: the database went back in time, or the look began before the commit that
   * was already heard of. A version never comes again, so what was cached under one is never taken for current later.
   */
  #learn(topic: RevisionTopic, number: number): void {
    const known = this.#known.get(topic);
    if (known?.number !== number) this.#known.set(topic, { number, version: (known?.version ?? 0) + 1 });
  }
}
