import { chmodSync, closeSync, existsSync, openSync } from 'node:fs';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type QueryResult,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type SqliteStatement,
} from 'kysely';
import { DatabaseUnavailable } from '../database-unavailable.ts';
import { isReading } from '../prepared-query.ts';

/** How long a writer waits for another process's write transaction, in ms, before SQLITE_BUSY. */
export const BUSY_TIMEOUT_MILLISECONDS = 10_000;
/** How long (ms) until whoever waits for another process looks again. */
const PAUSE_MILLISECONDS = 5;

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** Primary result code of SQLite for a file that another connection has locked. */
const SQLITE_BUSY = 5;
/** Those that tell of the file, the disk or the memory, not of what was asked: locked, no memory, read-only, I/O, full, cannot open. */
const TROUBLES = new Set([SQLITE_BUSY, 6, 7, 8, 10, 13, 14]);

const primaryCode = (error: unknown): number =>
  Number((error as { errcode?: number } | undefined)?.errcode) & 0xff;

/** Whether another connection has what a statement needs. */
export const isBusy = (error: unknown): boolean => primaryCode(error) === SQLITE_BUSY;

/** SQLite's own trouble as DatabaseUnavailable, as that of a server would be; any other error as it is. */
export function asUnavailable(error: unknown): unknown {
  if (!TROUBLES.has(primaryCode(error))) return error;
  const { message } = error as Error;
  return new DatabaseUnavailable(`the embedded database cannot answer (${message})`, { cause: error });
}

/** What `ask` answers. Throws DatabaseUnavailable when SQLite is in trouble. */
export function answered<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw asUnavailable(error);
  }
}

/**
 * The switch to WAL needs an exclusive lock and ignores the busy timeout; processes that start at the
 * same moment on a new file meet here, so it is tried again for a while.
 */
function enterWriteAheadLog(connection: DatabaseSync): void {
  const deadline = Date.now() + BUSY_TIMEOUT_MILLISECONDS;
  for (;;) {
    try {
      connection.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (!isBusy(error) || Date.now() > deadline) throw error;
      sleep(20);
    }
  }
}

/**
 * Opens one connection to the embedded database file, made with mode 0600 if absent (SQLite gives its
 * -wal and -shm companions the same mode). `synchronous=FULL`: a commit that returned survives power loss; whoever waits for the disk by other
 * means (embedded-connection.ts) sets it lower.
 * Throws what node:sqlite throws when the file cannot be opened.
 */
export function openSqliteConnection(file: string): DatabaseSync {
  // Only when absent: closing any descriptor of the file drops the locks (fcntl) that this process's other connections
  // hold on it, and another process could then take the write-ahead log from under them.
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
  const connection = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MILLISECONDS });
  enterWriteAheadLog(connection);
  connection.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA secure_delete = OFF;
    PRAGMA cache_size = -1024;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = ${LOG_BYTES};
  `);
  return connection;
}

/** What the write-ahead log is cut to once it has been larger: twice what it holds when it is copied back. */
const LOG_BYTES = 32 * 2 ** 20;

/** Statements kept prepared for each connection; what is asked with lists of many lengths must not add up. */
const MOST_PREPARED = 256;

class KyselyStatement implements SqliteStatement {
  readonly reader: boolean;
  readonly #statement: StatementSync;

  constructor(statement: StatementSync) {
    this.#statement = statement;
    this.reader = statement.columns().length > 0;
  }

  all(parameters: ReadonlyArray<unknown>): unknown[] {
    return answered(() => this.#statement.all(...(parameters as SQLInputValue[])));
  }

  run(parameters: ReadonlyArray<unknown>): { changes: number | bigint; lastInsertRowid: number | bigint } {
    return answered(() => this.#statement.run(...(parameters as SQLInputValue[])));
  }

  iterate(parameters: ReadonlyArray<unknown>): IterableIterator<unknown> {
    return this.#statement.iterate(...(parameters as SQLInputValue[])) as IterableIterator<unknown>;
  }
}

/** Takes back what is open. SQLite has done so itself when the disk was full, and would call it an error of ours. */
const rollback = (connection: DatabaseSync): SqliteStatement => ({
  reader: false,
  all: () => [],
  run: () => {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    return { changes: 0, lastInsertRowid: 0 };
  },
  iterate: () => [].values(),
});

/** What `ask` answers, once no other connection stands in the way. Meanwhile the thread does other things. */
async function patiently<T>(connection: DatabaseSync, ask: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + BUSY_TIMEOUT_MILLISECONDS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isBusy((error as Error).cause) || performance.now() >= deadline) throw error;
    }
    await pause(PAUSE_MILLISECONDS);
    if (!connection.isOpen) throw new DatabaseUnavailable('the embedded database was closed meanwhile');
  }
}

/** How a connection whose commits do not wait for the disk has it keep them. */
interface Disk {
  /** Throws when the disk cannot be relied on. */
  check(): void;
  /** Resolves once the disk has all that was committed before. */
  kept(): Promise<void>;
}

/**
 * Waits where SQLite would stop the whole process: for other processes, with each statement and the beginning of a transaction; and for the
 * disk, with each statement that writes by itself, so that nobody has to remember this.
 */
class PatientDriver extends SqliteDriver {
  readonly #connection: DatabaseSync;
  readonly #disk: Disk | undefined;
  /** Whether whoever holds the connection has written something that the disk is to keep. */
  #hasWritten = false;

  constructor(config: SqliteDialectConfig, connection: DatabaseSync, disk: Disk | undefined) {
    super(config);
    this.#connection = connection;
    this.#disk = disk;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    const held = await super.acquireConnection();
    return {
      executeQuery: (query) => this.#execute(held, query),
      streamQuery: (query, chunkSize) => held.streamQuery(query, chunkSize),
    };
  }

  override async releaseConnection(): Promise<void> {
    const hasWritten = this.#hasWritten;
    this.#hasWritten = false;
    await super.releaseConnection();
    // Nobody else waits for this.
    if (hasWritten) await this.#disk?.kept();
  }

  async #execute<Row>(held: DatabaseConnection, query: CompiledQuery): Promise<QueryResult<Row>> {
    const writesAlone = !isReading(query) && !this.#connection.isTransaction;
    if (writesAlone) this.#disk?.check();
    const result = await patiently(this.#connection, async () => held.executeQuery<Row>(query));
    // One that begins a transaction leaves this to whoever does so.
    if (writesAlone && !this.#connection.isTransaction) this.#hasWritten = true;
    return result;
  }
}

class PatientDialect extends SqliteDialect {
  readonly #createDriver: () => SqliteDriver;

  constructor(config: SqliteDialectConfig, connection: DatabaseSync, disk: Disk | undefined) {
    super(config);
    this.#createDriver = () => new PatientDriver(config, connection, disk);
  }

  override createDriver(): SqliteDriver {
    return this.#createDriver();
  }
}

/**
 * Kysely over `node:sqlite`, each statement prepared once: Kysely asks for one anew for each query, and never for two at a time, as all of
 * them answer at once. Transactions begin IMMEDIATE: a deferred one that reads and then writes
 * fails at once (SQLITE_BUSY_SNAPSHOT, which no timeout covers) when another process wrote in between.
 *
 * From now on `connection` itself waits for nobody; whoever uses it past Kysely is told by what isBusy knows. `disk` is for a
 * connection whose commits do not wait for it; whoever begins a transaction asks it by themselves.
 */
export function createSqliteDialect(connection: DatabaseSync, disk?: Disk): SqliteDialect {
  connection.exec('PRAGMA busy_timeout = 0');
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    if (sql === 'rollback') return rollback(connection);
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    const statement = answered(
      () => new KyselyStatement(connection.prepare(sql === 'begin' ? 'begin immediate' : sql)),
    );
    if (prepared.size >= MOST_PREPARED) prepared.clear();
    prepared.set(sql, statement);
    return statement;
  };
  return new PatientDialect({ database: { prepare, close: () => connection.close() } }, connection, disk);
}
