/**
 * The SQL connection, its migrations, and encryption at rest. One SQLite file in the data directory holds everything
 * on the embedded default. This room refuses to open a database that a newer version wrote, and makes every file
 * readable by its owner alone. It answers for no RFC; NIST SP 800-38D bounds its use of AES-GCM.
 */
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { loadEncryptionKeys, prepareDataDirectory } from './encryption-key.ts';
import { migrate } from './migrations.ts';
import { Revisions } from './revisions.ts';
import type { DatabaseSchema } from './schema.ts';
import { Sealer } from './sealer.ts';
import { createSqliteDialect, openSqliteConnection } from './sqlite-dialect.ts';

/** An open database. Close it last. */
export interface Database {
  /** Typed queries. Inside a transaction await nothing but queries: every other writer of this file waits meanwhile. */
  readonly query: Kysely<DatabaseSchema>;
  readonly revisions: Revisions;
  readonly sealer: Sealer;
  /** A further raw connection to the same file, for prepared statements on the hot path; its opener closes it. */
  openConnection(): DatabaseSync;
  close(): Promise<void>;
}

/**
 * Opens (and at the first start makes) the database in `dataDir` and brings it up to date.
 * `encryptionKey`: configured keys in base64, newest first; empty means the one kept in the data directory.
 */
export async function openDatabase(options: {
  dataDir: string;
  encryptionKey: ReadonlyArray<string>;
}): Promise<Database> {
  prepareDataDirectory(options.dataDir);
  const sealer = new Sealer(loadEncryptionKeys(options.encryptionKey, options.dataDir));
  const file = path.join(options.dataDir, 'latchkey.db');
  const query = new Kysely<DatabaseSchema>({ dialect: createSqliteDialect(openSqliteConnection(file)) });
  try {
    await migrate(query);
  } catch (error) {
    await query.destroy();
    throw error;
  }
  const revisionsConnection = openSqliteConnection(file);
  return {
    query,
    sealer,
    revisions: new Revisions(revisionsConnection),
    openConnection: () => openSqliteConnection(file),
    close: async () => {
      revisionsConnection.close();
      await query.destroy();
    },
  };
}
