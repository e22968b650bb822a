import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { type Epoch, followEpoch, readEpoch } from '../backup/epoch.ts';
import { databaseFile, holdFinishedDirectory } from '../backup/staged-restore.ts';
import { migrate } from '../migrations.ts';
import type { DatabaseSchema } from '../schema.ts';
import { createSqliteDialect, openSqliteConnection } from './sqlite-dialect.ts';

/** The SQLite file of a data directory, up to date and held against a restore. */
export interface EmbeddedFile {
  readonly query: Kysely<DatabaseSchema>;
  readonly epoch: Epoch;
  openConnection(): DatabaseSync;
  close(): Promise<void>;
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
  const query = new Kysely<DatabaseSchema>({ dialect: createSqliteDialect(openSqliteConnection(file)) });
  opening.defer(() => query.destroy());
  await migrate(query);
  if (directoryEpoch !== undefined) {
    const connection = openSqliteConnection(file);
    try {
      followEpoch(connection, directoryEpoch);
    } finally {
      connection.close();
    }
  }
  const epoch = await readEpoch(query);
  const opened = opening.move();
  return {
    query,
    epoch,
    openConnection: () => openSqliteConnection(file),
    close: () => opened.disposeAsync(),
  };
}
