import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type RateLimiterRes, RateLimiterSQLite } from 'rate-limiter-flexible';
import type { Database } from '../database/database.ts';

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

/** A counter's value and what is left of its life, in ms. */
export interface Count {
  readonly points: number;
  readonly millisecondsLeft: number;
  /** When it ends at the latest (Unix time, ms): a few ms late at most, long before a later counter of that key could end. */
  readonly endsBy: number;
}

function describe(result: RateLimiterRes): Count {
  const { consumedPoints: points, msBeforeNext: millisecondsLeft } = result;
  return { points, millisecondsLeft, endsBy: Date.now() + millisecondsLeft };
}

/**
 * Counters with an end, one table for all processes of the machine, kept over restarts. Changes are atomic
 * upserts. They are not synced to disk one by one (power loss may forget the last seconds of failures; nothing else is at stake),
 * which keeps a sign-in free of fsync.
 */
export class ThrottleCounters {
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

  /**
   * To be awaited before a run of changes. They block the thread while another connection holds the write lock; a
   * transaction of this very process awaits nothing but queries, hence is over when a new turn of the event loop begins.
   */
  async begin(): Promise<void> {
    await nextTurn();
    const now = Date.now();
    if (now < this.#nextSweep) return;
    // While more has ended than one sweep removes, each run of changes sweeps: it adds far fewer rows than it removes.
    if (Number(this.#sweep.run(now).changes) === SWEEP_ROWS) return;
    this.#nextSweep = now + SWEEP_INTERVAL_MILLISECONDS;
  }

  /** Adds one to a counter, which ends `seconds` after it was first added to. */
  async add(key: string, seconds: number): Promise<Count> {
    return describe(await this.#limiter.penalty(key, 1, { customDuration: seconds }));
  }

  /**
   * Takes one back that `add` counted. When that counter has ended there is nothing to take back: what ended must not
   * become a credit in the one that follows it.
   */
  takeBack(key: string, count: Count): void {
    this.#takeBack.run(key, count.endsBy);
  }

  /** Sets a counter, which ends `seconds` from now. */
  async set(key: string, points: number, seconds: number): Promise<void> {
    await this.#limiter.set(key, points, seconds);
  }

  async get(key: string): Promise<Count | undefined> {
    const result = await this.#limiter.get(key);
    return result === null ? undefined : describe(result);
  }

  /** Whether it was there: of any number of callers one is told so. */
  async remove(key: string): Promise<boolean> {
    return this.#limiter.delete(key);
  }

  close(): void {
    this.#connection.close();
  }
}
