import type { StatementSync } from 'node:sqlite';
import type { Database } from '../../database/database.ts';
import type { EmbeddedConnection } from '../../database/sqlite/embedded-connection.ts';
import type { Count, CounterKey, Taken, Taking, ThrottleCounters } from './throttle-counters.ts';

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

/**
 * Counters in one table for all processes of the machine. The disk is not waited for (power loss may forget the last seconds of failures; nothing
 * else is at stake), which keeps a sign-in free of fsync. Rejects with DatabaseUnavailable.
 */
export class SqliteThrottleCounters implements ThrottleCounters {
  readonly #embedded: EmbeddedConnection;
  readonly #statements: Readonly<Record<keyof typeof SQL, StatementSync>>;
  #nextSweep = 0;

  constructor({ embedded }: Pick<Database, 'embedded'>) {
    this.#embedded = embedded;
    this.#statements = embedded.prepare(SQL);
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
    const row = this.#embedded.read(() => this.#statements.get.get(key.name, now));
    return row === undefined ? undefined : countOf(row, now);
  }

  remove(key: CounterKey): Promise<boolean> {
    // One that has ended is there no more, swept or not.
    return this.#change((now) => Number(this.#statements.remove.get(key.name)?.expire ?? 0) > now);
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

  #change<Outcome>(change: (now: number) => Outcome): Promise<Outcome> {
    const work = (): Outcome => {
      // Not sooner: the transaction may have been waited for.
      const now = Date.now();
      const outcome = change(now);
      this.#sweepIfDue(now);
      return outcome;
    };
    return this.#embedded.write(work, { isDurable: false });
  }

  /** While more has ended than one sweep removes, each change sweeps: it adds far fewer rows than it removes. */
  #sweepIfDue(now: number): void {
    if (now < this.#nextSweep) return;
    if (Number(this.#statements.sweep.run(now).changes) === SWEEP_ROWS) return;
    this.#nextSweep = now + SWEEP_INTERVAL_MILLISECONDS;
  }
}
