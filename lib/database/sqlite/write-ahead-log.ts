import { closeSync, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { DatabaseUnavailable } from '../database-unavailable.ts';

/**
 * The log that commits go to. A connection at `synchronous=NORMAL` commits without waiting for the disk; here that is waited for, by the
 * thread pool and so with nothing else standing still (decision 10). To be closed before the last connection of the process.
 */
export class WriteAheadLog {
  readonly #file: number;
  /** The sync that is under way, which may have begun too early for whoever asks now. */
  #running: Promise<void> | undefined;
  /** The one after it, for all who asked meanwhile. */
  #next: Promise<void> | undefined;
  #broken: DatabaseUnavailable | undefined;

  /** `databaseFile` is open, and was read or written: the log is there then, and stays the same file while it is open. */
  constructor(databaseFile: string) {
    this.#file = openSync(`${databaseFile}-wal`, 'r+');
  }

  /** Resolves once all that was committed before survives power loss. Rejects with DatabaseUnavailable when it may not. */
  kept(): Promise<void> {
    if (this.#running === undefined) return this.#sync();
    this.#next ??= this.#running.then(
      () => this.#syncNext(),
      () => this.#syncNext(),
    );
    return this.#next;
  }

  /** Throws DatabaseUnavailable once the disk has failed to keep something: what it says afterwards is worth nothing. */
  check(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  close(): void {
    closeSync(this.#file);
  }

  #syncNext(): Promise<void> {
    this.#next = undefined;
    return this.#sync();
  }

  #sync(): Promise<void> {
    const sync = this.#attempt();
    this.#running = sync;
    const done = (): void => {
      if (this.#running === sync) this.#running = undefined;
    };
    sync.then(done, done);
    return sync;
  }

  async #attempt(): Promise<void> {
    this.check();
    try {
      await promisify(fdatasync)(this.#file);
    } catch (cause) {
      this.#broken = new DatabaseUnavailable(
        `the disk failed to keep what was written (${(cause as Error).message}), so nothing more is written: see to the disk, then start this process anew`,
        { cause },
      );
      throw this.#broken;
    }
  }
}
