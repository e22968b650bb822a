import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Database } from '../../database/database.ts';
import { prepareAll } from '../../database/sqlite/prepare-all.ts';
import { answered, asUnavailable, isBusy, PAUSE_MILLISECONDS } from '../../database/sqlite/sqlite-dialect.ts';
import type { Count, CounterKey, Taken, Taking, ThrottleCounters } from './throttle-counters.ts';

/** How long a counter waits for another process's transaction, in ms: then the attempt is `unavailable`. */
const BUSY_TIMEOUT_MILLISECONDS = 2000;
const SWEEP_INTERVAL_MILLISECONDS = 60_000;
/** The most expired counters removed at once, so that no sign-in waits for a long sweep. */
const SWEEP_ROWS = 500;

/** `now` of each is Unix time, ms. */
const SQL = {
  /** A counter that has ended begins anew. Parameters: key, end, now. */
  add: `INSERT INTO throttle (key, points, expire) VALUES (?1, 1, ?2) ON CONFLICT (key) DO UPDATE SET
    points = CASE WHEN expire > ?3 THEN points + 1 ELSE 1 END, expire = CASE WHEN expire > ?3 THEN expire ELSE ?2 END
    RETURNING points, expire`,
  takeBack: 'UPDATE throttle SET points = points - 1 WHERE key = ? AND expire <= ? AND points > 0',
  set: `INSERT INTO throttle (key, points, expire) VALUES (?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET points = excluded.points, expire = excluded.expire`,
  get: 'SELECT points, expire FROM throttle WHERE key = ? AND expire > ?',
  remove: 'DELETE FROM throttle WHERE key = ? RETURNING expire',
  sweep: `DELETE FROM throttle WHERE key IN (SELECT key FROM throttle WHERE expire < ? LIMIT ${SWEEP_ROWS})`,
} as const;

type Row = Readonly<Record<string, unknown>> | undefined;

function countOf(row: Row, now: number): Count {
  const endsBy = Number(row?.expire);
  return { points: Number(row?.points), millisecondsLeft: Math.max(endsBy - now, 0), endsBy };
}

/** A change that waits for its transaction. */
interface Waiting {
  /** Makes the change and returns what tells of it, once that is committed. */
  work: (now: number) => () => void;
  reject(error: unknown): void;
}

/**
 * Counters in one table for all processes of the machine. Changes that come together, all of one sign-in above all, are one
 * transaction. They are not synced to disk one by one (power loss may forget the last seconds of failures; nothing else is
 * at stake), which keeps a sign-in free of fsync. Rejects with DatabaseUnavailable.
 */
export class SqliteThrottleCounters implements ThrottleCounters {
  readonly #connection: DatabaseSync;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  #waiting: Waiting[] = [];
  #nextSweep = 0;

  constructor(database: Database) {
    const connection = database.openConnection();
    connection.exec(
      `PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = ${BUSY_TIMEOUT_MILLISECONDS}; PRAGMA cache_size = -512`,
    );
    this.#connection = connection;
    this.#statements = prepareAll(connection, SQL);
  }

  take(takings: readonly Taking[]): Promise<Taken> {
    return this.#change((now) => this.#take(takings, now));
  }

  giveBack(taken: readonly { key: CounterKey; count: Count }[]): Promise<void> {
    return this.#change(() => this.#giveBack(taken));
  }

  set(key: CounterKey, points: number, seconds: number): Promise<void> {
    return this.#change((now) => {
      this.#statements.set.run(key.name, points, now + seconds * 1000);
    });
  }

  async get(key: CounterKey): Promise<Count | undefined> {
    const now = Date.now();
    const row = answered(() => this.#statements.get.get(key.name, now));
    return row === undefined ? undefined : countOf(row, now);
  }

  remove(key: CounterKey): Promise<boolean> {
    // One that has ended is there no more, swept or not.
    return this.#change((now) => Number(this.#statements.remove.get(key.name)?.expire ?? 0) > now);
  }

  close(): void {
    this.#connection.close();
  }

  #take(takings: readonly Taking[], now: number): Taken {
    const taken: { key: CounterKey; count: Count }[] = [];
    for (const [index, { key, limit, seconds }] of takings.entries()) {
      const count = countOf(this.#statements.add.get(key.name, now + seconds * 1000, now), now);
      taken.push({ key, count });
      if (count.points > limit) {
        this.#giveBack(taken);
        return { outcome: 'full', index, millisecondsLeft: count.millisecondsLeft };
      }
    }
    return { outcome: 'taken', counts: taken.map(({ count }) => count) };
  }

  #giveBack(taken: readonly { key: CounterKey; count: Count }[]): void {
    for (const { key, count } of taken) this.#statements.takeBack.run(key.name, count.endsBy);
  }

  /** Not sooner than in a new turn of the event loop: a transaction of this very process awaits nothing but queries, hence is over by then. */
  #change<Outcome>(change: (now: number) => Outcome): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      const work = (now: number): (() => void) => {
        const outcome = change(now);
        return () => resolve(outcome);
      };
      this.#waiting.push({ work, reject });
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  /**
   * Another process's transaction is waited for without stopping this one; who comes meanwhile waits no longer than who came first. What fails
   * for one has failed for all: they ask the same file in the same words.
   */
  #flush(since = performance.now()): void {
    try {
      this.#begin();
    } catch (error) {
      if (isBusy(error) && performance.now() - since < BUSY_TIMEOUT_MILLISECONDS) {
        setTimeout(() => this.#flush(since), PAUSE_MILLISECONDS);
        return;
      }
      for (const { reject } of this.#waiting.splice(0)) reject(asUnavailable(error));
      return;
    }
    const batch = this.#waiting.splice(0);
    try {
      // Not sooner: the lock may have been waited for.
      const now = Date.now();
      const told = batch.map(({ work }) => work(now));
      this.#sweepIfDue(now);
      this.#connection.exec('COMMIT');
      for (const tell of told) tell();
    } catch (error) {
      for (const { reject } of batch) reject(asUnavailable(error));
      this.#takeBackAll();
    }
  }

  /** Throws at once when another process has a transaction; reading goes on waiting for a log that is being recovered. */
  #begin(): void {
    this.#connection.exec('PRAGMA busy_timeout = 0');
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
    } finally {
      this.#connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MILLISECONDS}`);
    }
  }

  #takeBackAll(): void {
    try {
      if (this.#connection.isOpen && this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    } catch {
      // A file that cannot even do that has failed the changes, which is told; the next ones fail with it.
    }
  }

  /** While more has ended than one sweep removes, each run of changes sweeps: it adds far fewer rows than it removes. */
  #sweepIfDue(now: number): void {
    if (now < this.#nextSweep) return;
    if (Number(this.#statements.sweep.run(now).changes) === SWEEP_ROWS) return;
    this.#nextSweep = now + SWEEP_INTERVAL_MILLISECONDS;
  }
}
