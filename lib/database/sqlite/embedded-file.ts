import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { type Epoch, followEpoch, readEpoch } from '../backup/epoch.ts';
import { databaseFile, holdFinishedDirectory } from '../backup/staged-restore.ts';
import { type DatabaseLog, SILENT } from '../database-log.ts';
import { migrate } from '../migrations.ts';
import type { Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';
import { EmbeddedConnection } from './embedded-connection.ts';
import { createSqliteDialect, openSqliteConnection } from './sqlite-dialect.ts';
import { preparerIn } from './sqlite-preparer.ts';

/** The SQLite file of a data directory, up to date and held against a restore. */
export interface EmbeddedFile {
  readonly query: Kysely<DatabaseSchema>;
  readonly prepare: Preparer;
  /** Runs `work` in a transaction, and resolves once the disk has kept it, or with `isDurable` false once it is committed. Rejects with DatabaseUnavailable. */
  transaction<Value>(
    work: (transaction: Kysely<DatabaseSchema>) => Promise<Value>,
    options?: { isDurable?: boolean },
  ): Promise<Value>;
  /** What `query` and `prepare` ask. */
  readonly connection: EmbeddedConnection;
  readonly epoch: Epoch;
  /** A further one, which sees what has been committed and nothing else; its opener closes it. */
  openConnection(): DatabaseSync;
  close(): Promise<void>;
}

/**
 * Opens it, and makes it if absent. With `directoryEpoch` the directory is elsewhere, and what this file remembers of
 * another epoch is dropped.
 */
export async function openEmbeddedFile(
  dataDir: string,
  { log = SILENT, directoryEpoch }: { log?: DatabaseLog; directoryEpoch?: Epoch } = {},
): Promise<EmbeddedFile> {
  await using opening = new AsyncDisposableStack();
  const hold = holdFinishedDirectory(dataDir);
  opening.defer(() => hold.release());
  const file = databaseFile(dataDir);
  const connection = new EmbeddedConnection(file);
  const query = new Kysely<DatabaseSchema>({
    dialect: createSqliteDialect(connection.raw, connection),
  });
  opening.defer(() => query.destroy());
  opening.defer(() => connection.settle());
  await migrate(query, log);
  await connection.kept();
  if (directoryEpoch !== undefined) {
    const following = openSqliteConnection(file);
    try {
      followEpoch(following, directoryEpoch);
    } finally {
      following.close();
    }
  }
  const epoch = await readEpoch(query);
  const opened = opening.move();
  const living = new WeakSet<object>();
  return {
    query,
    prepare: preparerIn(connection.raw, query, (transaction) => living.has(transaction)),
    epoch,
    connection,
    transaction: async (work, { isDurable = true } = {}) => {
      const value = await query.transaction().execute(async (transaction) => {
        living.add(transaction);
        try {
          return await work(transaction);
        } finally {
          living.delete(transaction);
        }
      });
      if (isDurable) await connection.kept();
      return value;
    },
    openConnection: () => openSqliteConnection(file),
    close: () => opened.disposeAsync(),
  };
}
