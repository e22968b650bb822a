import type { DatabaseSync } from 'node:sqlite';
import { StorageUnavailable } from './storage.ts';

interface Waiting<Outcome> {
  work: () => Outcome;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Runs pieces of work that come in one turn of the event loop in one transaction, hence with one fsync between them.
 * A piece is done when its promise resolves: it then survives power loss. Work must be synchronous, and write nothing
 * when it throws or refuses.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  #waiting: Waiting<unknown>[] = [];

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

  /** Whether something waits for its transaction. */
  get busy(): boolean {
    return this.#waiting.length > 0;
  }

  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    try {
      this.#commit(batch);
    } catch (error) {
      // One piece that cannot be written must not take its neighbours down: each gets a transaction of its own.
      if (batch.length === 1) this.#fail(batch, error);
      else for (const piece of batch) this.#commitAlone(piece);
    }
  }

  #commitAlone(piece: Waiting<unknown>): void {
    try {
      this.#commit([piece]);
    } catch (error) {
      this.#fail([piece], error);
    }
  }

  #commit(batch: Waiting<unknown>[]): void {
    this.#connection.exec('BEGIN IMMEDIATE');
    let outcomes: unknown[];
    try {
      outcomes = batch.map(({ work }) => work());
      this.#connection.exec('COMMIT');
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      throw error;
    }
    for (const [index, { resolve }] of batch.entries()) resolve(outcomes[index]);
  }

  #fail(batch: Waiting<unknown>[], cause: unknown): void {
    for (const { reject } of batch) reject(new StorageUnavailable('the embedded store cannot keep this now', { cause }));
  }
}
