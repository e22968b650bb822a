import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { GroupCommit } from './group-commit.ts';
import { prepareAll } from './prepare-all.ts';
import { answered, asUnavailable, isBusy, openSqliteConnection } from './sqlite-dialect.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** How long (ms) a read waits while another process recovers the write-ahead log of one that was killed. Nothing else stops it. */
const RECOVERY_MILLISECONDS = 2000;
/** Pages kept in memory. */
const PAGE_CACHE_KIBIBYTES = 3072;

/**
 * The connection to the embedded file that the whole process shares: a connection forgets the pages it has read when another one has written.
 * Reads and writes are synchronous and take microseconds; that the disk keeps what was written is waited for without stopping anything else
 * (docs/decisions/0010-synchronous-sqlite.md).
 *
 * Whoever reads in the middle of a transaction sees what it has written, and may yet take back: nobody reads what a transaction of somebody
 * else's writes, except as that transaction or in turn (sqlite-preparer.ts).
 */
export class EmbeddedConnection {
  /** For whoever needs no more than statements. It waits neither for the disk nor for a lock. */
  readonly raw: DatabaseSync;
  readonly #log: WriteAheadLog;
  readonly #commits: GroupCommit;

  /** Makes the file if absent. Throws what node:sqlite throws when it cannot be opened. */
  constructor(file: string) {
    this.raw = openSqliteConnection(file);
    try {
      // The log is there once the file has been read.
      this.raw.prepare('SELECT count(*) FROM sqlite_schema').get();
      this.raw.exec(
        `PRAGMA busy_timeout = 0; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -${PAGE_CACHE_KIBIBYTES}`,
      );
      this.#log = new WriteAheadLog(file);
    } catch (error) {
      this.raw.close();
      throw error;
    }
    this.#commits = new GroupCommit(this.raw, (done) => this.#log.sync(done));
  }

  /** Prepares each of `sql` under its name. Throws when the schema is not the one that it was written for. */
  prepare<Name extends string>(sql: Readonly<Record<Name, string>>): Record<Name, StatementSync> {
    return prepareAll(this.raw, sql);
  }

  /** What `read` answers. Throws DatabaseUnavailable when SQLite is in trouble. */
  read<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (error) {
      if (!isBusy(error)) throw asUnavailable(error);
    }
    this.raw.exec(`PRAGMA busy_timeout = ${RECOVERY_MILLISECONDS}`);
    try {
      return answered(read);
    } finally {
      this.raw.exec('PRAGMA busy_timeout = 0');
    }
  }

  /** See GroupCommit: in a transaction with whatever else comes just then. */
  write<Outcome>(work: () => Outcome, options?: { isDurable?: boolean }): Promise<Outcome> {
    return this.#commits.run(work, options);
  }

  /** Resolves once all that was committed before survives power loss. Rejects with DatabaseUnavailable. */
  kept(): Promise<void> {
    return this.#commits.kept();
  }

  /** How many transactions `write` has made. */
  get commits(): number {
    return this.#commits.commits;
  }

  /** Throws DatabaseUnavailable once the disk cannot be relied on any more. */
  check(): void {
    this.#commits.check();
  }

  /** Ends what is under way. The connection is closed after it, by whoever uses it last. */
  async settle(): Promise<void> {
    await this.#commits.close();
    this.#log.close();
  }
}
