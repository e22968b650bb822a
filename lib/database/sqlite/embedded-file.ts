import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { type Epoch, followEpoch, readEpoch } from '../backup/epoch.ts';
import { databaseFile, holdFinishedDirectory } from '../backup/staged-restore.ts';
import { migrate } from '../migrations.ts';
import type { Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';
import { answered, createSqliteDialect, openSqliteConnection } from './sqlite-dialect.ts';
import { preparerIn } from './sqlite-preparer.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

/** The SQLite file of a data directory, up to date and held against a restore. */
export interface EmbeddedFile {
  readonly query: Kysely<DatabaseSchema>;
  readonly prepare: Preparer;
  /** Runs `work` in a transaction, and resolves once the disk has kept it. Rejects with DatabaseUnavailable. */
  transaction<Value>(work: (transaction: Kysely<DatabaseSchema>) => Promise<Value>): Promise<Value>;
  /** Throws DatabaseUnavailable once the disk cannot be relied on any more. */
  check(): void;
  readonly epoch: Epoch;
  openConnection(): DatabaseSync;
  close(): Promise<void>;
}

/** Ends what could not be taken back, and has writes wait for the disk by themselves again. */
function settle(connection: DatabaseSync): void {
  answered(() => {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    connection.exec('PRAGMA synchronous = FULL');
  });
}

/**
 * Commits without waiting for the disk, which whoever calls this does; single statements go on waiting for it by themselves. `query` holds
 * the connection as long.
 */
async function committed<Value>(
  connection: DatabaseSync,
  query: Kysely<DatabaseSchema>,
  work: (transaction: Kysely<DatabaseSchema>) => Promise<Value>,
): Promise<Value> {
  answered(() => connection.exec('PRAGMA synchronous = NORMAL'));
  let value: Value;
  try {
    value = await query.transaction().execute(work);
  } catch (error) {
    try {
      settle(connection);
    } catch {
      // What failed first says more.
    }
    throw error;
  }
  settle(connection);
  return value;
}

/**
 * Opens it, and makes it if absent. With `directoryEpoch` the directory is elsewhere, and what this file remembers of
 * another epoch is dropped.
 */
export async function openEmbeddedFile(dataDir: string, directoryEpoch?: Epoch): Promise<EmbeddedFile> {
  await using opening = new AsyncDisposableStack();
  const hold = holdFinishedDirectory(dataDir);
  opening.defer(() => hold.release());
  const file = databaseFile(dataDir);
  const connection = openSqliteConnection(file);
  const query = new Kysely<DatabaseSchema>({ dialect: createSqliteDialect(connection) });
  opening.defer(() => query.destroy());
  await migrate(query);
  if (directoryEpoch !== undefined) {
    const following = openSqliteConnection(file);
    try {
      followEpoch(following, directoryEpoch);
    } finally {
      following.close();
    }
  }
  const epoch = await readEpoch(query);
  const log = new WriteAheadLog(file);
  opening.defer(() => log.close());
  const opened = opening.move();
  const living = new WeakSet<object>();
  return {
    query,
    prepare: preparerIn(connection, query, (transaction) => living.has(transaction)),
    epoch,
    transaction: async (work) => {
      log.check();
      const value = await query.connection().execute((held) =>
        committed(connection, held, async (transaction) => {
          living.add(transaction);
          try {
            return await work(transaction);
          } finally {
            living.delete(transaction);
          }
        }),
      );
      await log.kept();
      return value;
    },
    check: () => log.check(),
    openConnection: () => openSqliteConnection(file),
    close: () => opened.disposeAsync(),
  };
}
