import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../../database/sqlite/sqlite-dialect.ts';
import { diskFailure } from '../../database/sqlite/write-ahead-log.ts';
import { StorageUnavailable } from '../storage.ts';

/** How long (ms) work waits for another process's transaction before it is told to try again. */
const PATIENCE_MILLISECONDS = 2000;
/** How long (ms) until it looks again. Transactions hold no lock while the disk writes, and are short. */
const PAUSE_MILLISECONDS = 1;

interface Waiting<Outcome> {
  work: () => Outcome;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
  /** Since when (ms) it waits for another process; undefined while it does not. */
  since?: number;
}

/** Work whose transaction has ended, and that is not yet on the disk. */
interface Committed {
  piece: Waiting<unknown>;
  outcome: unknown;
}

/** `begun` is false when there was no transaction to be had, `busy` when that is because another process has one. */
interface Failure {
  begun: boolean;
  busy: boolean;
  cause: unknown;
}

/** Has the disk keep all that was committed before, and calls back when it does (fsync, which takes as long as it takes). */
export type MakeDurable = (done: (error: Error | null) => void) => void;

/**
 * Runs pieces of work in transactions: all that has come while the disk kept the ones before goes into one, and is kept by one fsync.
 * A piece is done when its promise resolves: it then survives power loss. Others may read what it wrote a moment earlier. Work must be
 * synchronous, and write nothing when it throws or refuses.
 *
 * Neither the disk nor another process stops this one: meanwhile everything that needs no write is answered.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #makeDurable: MakeDurable;
  #waiting: Waiting<unknown>[] = [];
  #isSyncing = false;
  /** Why nothing is written any more: the disk cannot be relied on. */
  #broken: StorageUnavailable | undefined;
  #commits = 0;

  /** `connection` neither waits for a lock nor for the disk by itself. */
  constructor(connection: DatabaseSync, makeDurable: MakeDurable) {
    this.#connection = connection;
    this.#makeDurable = makeDurable;
  }

  /** Resolves with what `work` returned, once that is durable. Rejects with StorageUnavailable. */
  run<Outcome>(work: () => Outcome): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (outcome: unknown) => void, reject });
      // Not sooner: a transaction of Kysely in this process is over when a new turn begins, and holds no lock then.
      if (this.#waiting.length === 1 && !this.#isSyncing) setImmediate(() => this.#flush());
    });
  }

  /** How many transactions there were. */
  get commits(): number {
    return this.#commits;
  }

  /** Whether something waits for its transaction, or for the disk. */
  get busy(): boolean {
    return this.#waiting.length > 0 || this.#isSyncing;
  }

  /** Throws StorageUnavailable once the disk has failed to keep something. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #flush(): void {
    // What waits for another process is looked after by a timer and by the disk's answer: whichever comes second has nothing to do.
    if (this.#isSyncing || this.#waiting.length === 0) return;
    const batch = this.#waiting;
    this.#waiting = [];
    if (this.#broken !== undefined) {
      for (const { reject } of batch) reject(this.#broken);
      return;
    }
    const committed: Committed[] = [];
    const failure = this.#commit(batch, committed);
    if (failure !== undefined) this.#commitApart(batch, failure, committed);
    if (committed.length > 0) this.#keep(committed);
  }

  /** One piece that cannot be written must not take its neighbours down: each gets a transaction of its own. */
  #commitApart(batch: Waiting<unknown>[], failure: Failure, committed: Committed[]): void {
    // Not when there was no lock to be had, which stands in the way of all.
    if (!failure.begun || batch.length === 1) {
      this.#waitOrFail(batch, failure);
      return;
    }
    for (const [index, piece] of batch.entries()) {
      const own = this.#commit([piece], committed);
      if (own?.begun === true) fail([piece], own.cause);
      else if (own !== undefined) {
        this.#waitOrFail(batch.slice(index), own);
        return;
      }
    }
  }

  /** Each piece waits for as long as any other, whenever it came. */
  #waitOrFail(batch: Waiting<unknown>[], failure: Failure): void {
    const now = performance.now();
    const isPatient = (piece: Waiting<unknown>): boolean => {
      piece.since ??= now;
      return failure.busy && now - piece.since < PATIENCE_MILLISECONDS;
    };
    const { patient = [], others = [] } = Object.groupBy(batch, (piece) =>
      isPatient(piece) ? 'patient' : 'others',
    );
    fail(others, failure.cause);
    this.#waiting = patient;
    if (patient.length > 0) setTimeout(() => this.#flush(), PAUSE_MILLISECONDS);
  }

  /** Commits, or answers what went wrong, with nothing written. */
  #commit(batch: Waiting<unknown>[], committed: Committed[]): Failure | undefined {
    let begun = false;
    let outcomes: unknown[];
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      begun = true;
      outcomes = batch.map(({ work }) => work());
      this.#connection.exec('COMMIT');
      this.#commits += 1;
    } catch (cause) {
      if (begun && this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      return { begun, busy: !begun && isBusy(cause), cause };
    }
    for (const [index, piece] of batch.entries()) committed.push({ piece, outcome: outcomes[index] });
    return undefined;
  }

  #keep(committed: Committed[]): void {
    this.#isSyncing = true;
    this.#makeDurable((error) => {
      this.#isSyncing = false;
      if (error === null) {
        for (const { piece, outcome } of committed) piece.resolve(outcome);
      } else {
        // What a disk has failed to keep once, it may say to have kept the next time, without having it: nothing more is promised.
        this.#broken = new StorageUnavailable(diskFailure(error), { cause: error });
        for (const { piece } of committed) piece.reject(this.#broken);
      }
      if (this.#waiting.length > 0) this.#flush();
    });
  }
}

const unavailable = (cause: unknown) =>
  new StorageUnavailable('the embedded store cannot keep this now', { cause });

function fail(batch: Waiting<unknown>[], cause: unknown): void {
  for (const { reject } of batch) reject(unavailable(cause));
}
