import type { DatabaseSync } from 'node:sqlite';
import { isBusy } from '../database/sqlite-dialect.ts';
import { StorageUnavailable } from './storage.ts';

/** How long (ms) work waits for another process's transaction before it is told to try again. */
const PATIENCE_MILLISECONDS = 2000;
/** How long (ms) until it looks again: about what the other's fsync takes. */
const PAUSE_MILLISECONDS = 1;

interface Waiting<Outcome> {
  work: () => Outcome;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** `begun` is false when there was no transaction to be had, `busy` when that is because another process has one. */
interface Failure {
  begun: boolean;
  busy: boolean;
  cause: unknown;
}

/**
 * Runs pieces of work that come in one turn of the event loop in one transaction, hence with one fsync between them.
 * A piece is done when its promise resolves: it then survives power loss. Work must be synchronous, and write nothing
 * when it throws or refuses. While another process has its transaction, everything else here goes on: SQLite's own way of waiting
 * is to stop the thread, for longer and longer, and with it all that could be answered without a write.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  #waiting: Waiting<unknown>[] = [];
  #commits = 0;
  /** Since when (ms) the oldest piece waits for another process. */
  #waitingSince: number | undefined;

  /** `connection` must not wait by itself. */
  constructor(connection: DatabaseSync) {
    this.#connection = connection;
  }

  /** Resolves with what `work` returned, once that is durable. Rejects with StorageUnavailable. */
  run<Outcome>(work: () => Outcome): Promise<Outcome> {
    return new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ work, resolve: resolve as (outcome: unknown) => void, reject });
      // Not sooner: a transaction of Kysely in this process is over when a new turn begins, and holds no lock then.
      if (this.#waiting.length === 1) setImmediate(() => this.#flush());
    });
  }

  /** How many transactions there were. */
  get commits(): number {
    return this.#commits;
  }

  /** Whether something waits for its transaction. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    const failure = this.#commit(batch);
    if (failure !== undefined) this.#commitApart(batch, failure);
    if (this.#waiting.length === 0) this.#waitingSince = undefined;
  }

  /** One piece that cannot be written must not take its neighbours down: each gets a transaction of its own. */
  #commitApart(batch: Waiting<unknown>[], failure: Failure): void {
    // Not when there was no lock to be had, which stands in the way of all.
    if (!failure.begun || batch.length === 1) {
      this.#waitOrFail(batch, failure);
      return;
    }
    for (const [index, piece] of batch.entries()) {
      const own = this.#commit([piece]);
      if (own?.begun === true) fail([piece], own);
      else if (own !== undefined) {
        this.#waitOrFail(batch.slice(index), own);
        return;
      }
    }
  }

  #waitOrFail(batch: Waiting<unknown>[], failure: Failure): void {
    const now = performance.now();
    this.#waitingSince ??= now;
    if (failure.busy && now - this.#waitingSince < PATIENCE_MILLISECONDS) {
      this.#waiting = batch;
      setTimeout(() => this.#flush(), PAUSE_MILLISECONDS);
    } else {
      fail(batch, failure);
    }
  }

  /** Commits, or answers what went wrong, with nothing written. */
  #commit(batch: Waiting<unknown>[]): Failure | undefined {
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
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index]);
    return undefined;
  }
}

function fail(batch: Waiting<unknown>[], { cause }: Failure): void {
  for (const { reject } of batch)
    reject(new StorageUnavailable('the embedded store cannot keep this now', { cause }));
}
