import { closeSync, fdatasync, openSync } from 'node:fs';

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

  /** `databaseFile` is open, and was read or written: the log is there then, and stays the same file while it is open. */
  constructor(databaseFile: string) {
    this.#file = openSync(`${databaseFile}-wal`, 'r+');
  }

  /** Has the disk keep all that was committed before, and calls back when it does, or with why not. */
  sync(done: (error: Error | null) => void): void {
    fdatasync(this.#file, done);
  }

  close(): void {
    closeSync(this.#file);
  }
}
