/**
 * The SQL connection, its migrations, and encryption at rest. The directory (people, applications, APIs, keys) is in one
 * SQLite file in the data directory, with everything else, or in PostgreSQL. This room refuses to open a database that a
 * newer version wrote or that would not be verified, and makes every file readable by its owner alone. It answers for no
 * RFC; NIST SP 800-38D bounds its use of AES-GCM.
 */
import type { Kysely } from 'kysely';
import type { Configuration } from '../../config/configuration.ts';
import type { Epoch } from './backup/epoch.ts';
import { SILENT } from './database-log.ts';
import {
  findEncryptionKeys,
  loadEncryptionKeys,
  MissingEncryptionKey,
  prepareDataDirectory,
} from './encryption-key.ts';
import type { Preparer } from './prepared-query.ts';
import type { Revisions } from './revisions.ts';
import type { DatabaseSchema } from './schema.ts';
import { Sealer } from './sealer.ts';
import type { EmbeddedConnection } from './sqlite/embedded-connection.ts';
import { type EmbeddedFile, openEmbeddedFile } from './sqlite/embedded-file.ts';
import { SqliteRevisions } from './sqlite/sqlite-revisions.ts';

/** Queries inside a transaction of the directory. */
export type DirectoryTransaction = Kysely<DatabaseSchema>;

export interface TransactionOptions {
  /**
   * False when nothing rests on it: in the embedded file it is done before the disk has kept it, and power loss may forget it unless something
   * durable is written there afterwards.
   */
  isDurable?: boolean;
}

/**
 * An open database. Close it last. Over PostgreSQL everything that asks it rejects with DatabaseUnavailable when it does
 * not answer in time.
 */
export interface Database {
  /** Typed queries. What reads and then writes belongs into `transaction`. */
  readonly query: Kysely<DatabaseSchema>;
  /**
   * Runs `work` as the only writer of the directory, in one transaction; it may run again when the server gave it up.
   * `now` is `now()` at its beginning. Inside it await nothing but queries: every other writer waits meanwhile.
   */
  transaction<Value>(
    work: (transaction: Kysely<DatabaseSchema>, now: number) => Promise<Value>,
    options?: TransactionOptions,
  ): Promise<Value>;
  /**
   * Unix time (ms) by the clock that all processes share: this machine's, or the PostgreSQL server's as far as it is known
   * without asking. What several processes must agree on goes by it, never by `Date.now()`.
   */
  now(): number;
  readonly revisions: Revisions;
  readonly sealer: Sealer;
  /** As it was when the database was opened: a restore wants every process to be stopped. */
  readonly epoch: Epoch;
  /** Where the directory is. */
  readonly kind: 'sqlite' | 'postgres';
  /** Queries that are asked again and again: see PreparedQuery. */
  readonly prepare: Preparer;
  /**
   * The embedded file, for statements on the hot path. Beside PostgreSQL it holds what is no part of the directory (grants, counters).
   * Throws when there is none: when both PostgreSQL and Redis are configured.
   */
  readonly embedded: EmbeddedConnection;
  /** How many statements have been sent to PostgreSQL; it only grows. */
  readonly roundTrips: number;
  /** Rejects when the directory cannot be read. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** What a database is opened by: a part of the configuration. */
export interface DatabaseOptions {
  dataDir: string;
  /** Keys in base64, newest first; empty means the one kept in the data directory. */
  encryptionKey: ReadonlyArray<string>;
  databaseUrl?: string;
  /** Needed with `databaseUrl`. */
  database?: Configuration['database'];
  /** With one, and with `databaseUrl`, there is no embedded file. */
  redisUrl?: string;
}

/**
 * Opens (and at the first start makes) the database and brings it up to date.
 * Throws UnusableDatabase when PostgreSQL cannot be used, and MissingEncryptionKey, in words for the operator.
 */
export async function openDatabase(options: DatabaseOptions, log = SILENT): Promise<Database> {
  const { dataDir, encryptionKey, databaseUrl, database: settings, redisUrl } = options;
  prepareDataDirectory(dataDir);
  await using opening = new AsyncDisposableStack();
  if (databaseUrl === undefined) {
    const file = await openEmbeddedFile(dataDir, { log });
    opening.defer(() => file.close());
    const database = embeddedDatabase(file, new Sealer(await keysOf(file, options)));
    opening.move();
    return database;
  }
  const sealer = new Sealer(loadEncryptionKeys(encryptionKey, dataDir));
  if (settings === undefined) throw new TypeError('a database URL needs the settings of the database');
  const { openPostgres } = await import('./postgres/postgres-database.ts');
  const postgres = await openPostgres(databaseUrl, settings, log);
  opening.defer(() => postgres.close());
  const file =
    redisUrl === undefined
      ? await openEmbeddedFile(dataDir, { log, directoryEpoch: postgres.epoch })
      : undefined;
  if (file !== undefined) opening.defer(() => file.close());
  const opened = opening.move();
  return {
    ...postgres,
    get roundTrips() {
      return postgres.roundTrips;
    },
    kind: 'postgres',
    sealer,
    get embedded() {
      if (file === undefined) throw new Error('there is no embedded file beside PostgreSQL and Redis');
      return file.connection;
    },
    close: () => opened.disposeAsync(),
  };
}

/** A new key beside what a lost one sealed would only hide the loss, and be taken for the lost one in backups. */
async function keysOf(
  { query }: EmbeddedFile,
  { encryptionKey, dataDir }: Pick<DatabaseOptions, 'encryptionKey' | 'dataDir'>,
): Promise<Buffer[]> {
  const isMissing = () => findEncryptionKeys(encryptionKey, dataDir) === undefined;
  // Asked again: a process that starts at the same time makes the key before it seals anything.
  if (isMissing() && (await holdsSealed(query)) && isMissing()) throw new MissingEncryptionKey(dataDir);
  return loadEncryptionKeys(encryptionKey, dataDir);
}

/** Whether anything was sealed: a first start makes signing keys and lasting secrets. */
async function holdsSealed(query: Kysely<DatabaseSchema>): Promise<boolean> {
  const key = await query
    .selectFrom('signing_keys')
    .select('kid')
    .where('private_key', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  const secret = await query.selectFrom('lasting_secrets').select('name').limit(1).executeTakeFirst();
  return key !== undefined || secret !== undefined;
}

function embeddedDatabase(file: EmbeddedFile, sealer: Sealer): Database {
  const { query } = file;
  const revisionsConnection = file.openConnection();
  const revisions = new SqliteRevisions(revisionsConnection, file.connection);
  return {
    query,
    transaction: async (work, transactionOptions) => {
      let isToBeSeen = false;
      const value = await file.transaction(async (transaction) => {
        const done = await work(transaction, Date.now());
        isToBeSeen = revisions.changes(transaction);
        return done;
      }, transactionOptions);
      if (isToBeSeen) await revisions.seenByAll();
      return value;
    },
    now: () => Date.now(),
    revisions,
    sealer,
    epoch: file.epoch,
    kind: 'sqlite',
    prepare: file.prepare,
    embedded: file.connection,
    roundTrips: 0,
    check: async () => {
      revisionsConnection.prepare('SELECT count(*) FROM migrations').get();
      file.connection.check();
    },
    close: async () => {
      revisionsConnection.close();
      await file.close();
    },
  };
}

/** The same database on another clock (Unix time, ms): a test's. */
export function onClock(database: Database, clock: (() => number) | undefined): Database {
  if (clock === undefined) return database;
  return Object.create(database, {
    now: { value: clock },
    transaction: {
      value: (work: Parameters<Database['transaction']>[0], options?: TransactionOptions) =>
        database.transaction((transaction) => work(transaction, clock()), options),
    },
  }) as Database;
}
