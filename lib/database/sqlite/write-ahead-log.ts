import { closeSync, fdatasync, openSync } from 'node:fs';
import { DatabaseUnavailable } from '../database-unavailable.ts';

/** What is said of a disk that failed to keep something: what it says afterwards is worth nothing. */
export function diskFailure({ message }: Error): string {
  return `the disk failed to keep what was written (${message}), so nothing more is written: see to the disk, then start this process anew`;
}

/**
 * The log that commits go to. A connection at `synchronous=NORMAL` commits without waiting for the disk; here that is waited for, by the
 * thread pool and so with nothing else standing still (decision 10). To be closed before the last connection of the process.
 */
export class WriteAheadLog {
  readonly #file: number;
  /** The latest sync, which may have begun too early for whoever asks now. */
  #latest: Promise<void> = Promise.resolve();
  /** The one after it, for all who asked meanwhile. */
  #next: Promise<void> | undefined;
  #broken: DatabaseUnavailable | undefined;

  /** `databaseFile` is open, and was read or written: the log is there then, and stays the same file while it is open. */
  constructor(databaseFile: string) {
    this.#file = openSync(`${databaseFile}-wal`, 'r+');
  }

  /** Has the disk keep all that was committed before, and calls back when it does, or with why not. */
  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#file, done);
  }

  /** Resolves once all that was committed before survives power loss. Rejects with DatabaseUnavailable when it may not. */
  kept(): Promise<void> {
    this.#next ??= this.#afterLatest();
    return this.#next;
  }

  /** Throws DatabaseUnavailable once the disk has failed to keep something. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  close(): void {
    closeSync(this.#file);
  }

  async #afterLatest(): Promise<void> {
    await this.#latest.catch(() => {});
    this.#next = undefined;
    this.#latest = this.#attempt();
    await this.#latest;
  }

  async #attempt(): Promise<void> {
    this.check();
    try {
      await new Promise<void>((resolve, reject) => {
        this.sync((error) => (error === null ? resolve() : reject(error)));
      });
    } catch (cause) {
      this.#broken = new DatabaseUnavailable(diskFailure(cause as Error), { cause });
      throw this.#broken;
    }
  }
}
