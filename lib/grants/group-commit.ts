import type { DatabaseSync } from 'node:sqlite';
import { StorageUnavailable } from './storage.ts';

interface Waiting<Outcome> {
  work: () => Outcome;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/** `begun` is false when there was no transaction to be had. */
interface Failure {
  begun: boolean;
  cause: unknown;
}

/**
 * Runs pieces of work that come in one turn of the event loop in one transaction, hence with one fsync between them.
 * A piece is done when its promise resolves: it then survives power loss. Work must be synchronous, and write nothing
 * when it throws or refuses.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  #waiting: Waiting<unknown>[] = [];
  #commits = 0;

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
    if (failure === undefined) return;
    // One piece that cannot be written must not take its neighbours down: each gets a transaction of its own. Not when
    // there was no lock to be had, which stands in the way of all: each would wait for it in turn, and the process with it.
    const alone = failure.begun && batch.length > 1 ? batch : [];
    if (alone.length === 0) fail(batch, failure);
    for (const [index, piece] of alone.entries()) {
      const own = this.#commit([piece]);
      if (own === undefined) continue;
      fail(own.begun ? [piece] : alone.slice(index), own);
      if (!own.begun) return;
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
      return { begun, cause };
    }
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index]);
    return undefined;
  }
}

function fail(batch: Waiting<unknown>[], { cause }: Failure): void {
  for (const { reject } of batch)
    reject(new StorageUnavailable('the embedded store cannot keep this now', { cause }));
}
