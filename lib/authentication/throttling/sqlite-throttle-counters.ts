import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RateLimiterRes, RateLimiterSQLite } from 'rate-limiter-flexible';
import type { Database } from '../../database/database.ts';
import type { Count, CounterKey, Taken, Taking, ThrottleCounters } from './throttle-counters.ts';

/** How long a counter waits for another process's transaction, in ms: then the attempt is `unavailable`. */
const BUSY_TIMEOUT_MILLISECONDS = 2000;
const SWEEP_INTERVAL_MILLISECONDS = 60_000;
/** The most expired counters removed at once, so that no sign-in waits for a long sweep. */
const SWEEP_ROWS = 500;

/** What rate-limiter-flexible asks of better-sqlite3, on node:sqlite; each of its transactions is one statement, atomic by itself. */
function storeClient(connection: DatabaseSync): object {
  const statements = new Map<string, StatementSync>();
  return {
    prepare: (sql: string) => {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = connection.prepare(sql);
      statements.set(sql, statement);
      return statement;
    },
    transaction: (work: () => unknown) => work,
  };
}

function describe(result: RateLimiterRes): Count {
  const { consumedPoints: points, msBeforeNext: millisecondsLeft } = result;
  return { points, millisecondsLeft, endsBy: Date.now() + millisecondsLeft };
}

/**
 * Counters in one table for all processes of the machine. They are not synced to disk one by one (power loss may forget
 * the last seconds of failures; nothing else is at stake), which keeps a sign-in free of fsync.
 */
export class SqliteThrottleCounters implements ThrottleCounters {
  readonly #connection: DatabaseSync;
  readonly #limiter: RateLimiterSQLite;
  readonly #sweep: StatementSync;
  readonly #takeBack: StatementSync;
  #nextSweep = 0;

  constructor(database: Database) {
    this.#connection = database.openConnection();
    this.#connection.exec(
      `PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = ${BUSY_TIMEOUT_MILLISECONDS}; PRAGMA cache_size = -512`,
    );
    this.#limiter = new RateLimiterSQLite({
      storeClient: storeClient(this.#connection),
      storeType: 'better-sqlite3',
      tableName: 'throttle',
      tableCreated: true,
      keyPrefix: '',
      points: Number.MAX_SAFE_INTEGER,
      duration: 1,
    });
    this.#sweep = this.#connection.prepare(
      `DELETE FROM throttle WHERE key IN (SELECT key FROM throttle WHERE expire < ? LIMIT ${SWEEP_ROWS})`,
    );
    this.#takeBack = this.#connection.prepare(
      'UPDATE throttle SET points = points - 1 WHERE key = ? AND expire <= ? AND points > 0',
    );
  }

  async take(takings: readonly Taking[]): Promise<Taken> {
    await this.#begin();
    const taken: { key: CounterKey; count: Count }[] = [];
    for (const [index, { key, limit, seconds }] of takings.entries()) {
      const count = describe(await this.#limiter.penalty(key.name, 1, { customDuration: seconds }));
      taken.push({ key, count });
      if (count.points > limit) {
        this.#giveBack(taken);
        return { outcome: 'full', index, millisecondsLeft: count.millisecondsLeft };
      }
    }
    return { outcome: 'taken', counts: taken.map(({ count }) => count) };
  }

  async giveBack(taken: readonly { key: CounterKey; count: Count }[]): Promise<void> {
    await this.#begin();
    this.#giveBack(taken);
  }

  async set(key: CounterKey, points: number, seconds: number): Promise<void> {
    await this.#begin();
    await this.#limiter.set(key.name, points, seconds);
  }

  async get(key: CounterKey): Promise<Count | undefined> {
    const result = await this.#limiter.get(key.name);
    return result === null ? undefined : describe(result);
  }

  async remove(key: CounterKey): Promise<boolean> {
    await this.#begin();
    return this.#limiter.delete(key.name);
  }

  close(): void {
    this.#connection.close();
  }

  #giveBack(taken: readonly { key: CounterKey; count: Count }[]): void {
    for (const { key, count } of taken) this.#takeBack.run(key.name, count.endsBy);
  }

  /**
   * To be awaited before a change. Changes block the thread while another connection holds the write lock; a transaction
   * of this very process awaits nothing but queries, hence is over when a new turn of the event loop begins.
   */
  async #begin(): Promise<void> {
    await nextTurn();
    const now = Date.now();
    if (now < this.#nextSweep) return;
    // While more has ended than one sweep removes, each run of changes sweeps: it adds far fewer rows than it removes.
    if (Number(this.#sweep.run(now).changes) === SWEEP_ROWS) return;
    this.#nextSweep = now + SWEEP_INTERVAL_MILLISECONDS;
  }
}
