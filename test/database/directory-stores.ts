import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configurationSchema } from '../../config/configuration.ts';
import type { DatabaseOptions } from '../../lib/database/database.ts';
import { sharedPostgres } from './shared-postgres.ts';

/** A place for one directory. What it is opened by can be told to other processes. */
export interface DirectoryPlace {
  readonly options: DatabaseOptions;
  readonly dataDir: string;
  /** The bytes of every file that holds something of it. */
  files(): Promise<Buffer[]>;
  remove(): Promise<void>;
}

/** A kind of store that holds the directory. */
export interface DirectoryStore {
  readonly name: string;
  makePlace(): Promise<DirectoryPlace>;
}

/** Settings of a connection to PostgreSQL, as they are by default. */
export const databaseSettings = configurationSchema.parse({}).database;

function filesOf(folder: string): Buffer[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(folder, name))
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file));
}

const makeDataDir = (): string => mkdtempSync(path.join(tmpdir(), 'latchkey-directory-'));

const sqlite: DirectoryStore = {
  name: 'SQLite',
  makePlace: async () => {
    const dataDir = makeDataDir();
    return {
      dataDir,
      options: { dataDir, encryptionKey: [] },
      files: async () => filesOf(dataDir),
      remove: async () => rmSync(dataDir, { recursive: true, force: true }),
    };
  },
};

const postgres: DirectoryStore = {
  name: 'PostgreSQL',
  makePlace: async () => {
    const server = await sharedPostgres();
    const database = await server.createDatabase();
    const dataDir = makeDataDir();
    return {
      dataDir,
      options: {
        dataDir,
        encryptionKey: [],
        databaseUrl: server.url(database),
        database: databaseSettings,
      },
      files: async () => {
        const [row] = await server.administer(
          `CHECKPOINT; SELECT oid FROM pg_database WHERE datname = '${database}'`,
        );
        const data = path.join(server.folder, 'data');
        return [dataDir, path.join(data, 'base', String(row?.oid)), path.join(data, 'pg_wal')].flatMap(
          filesOf,
        );
      },
      remove: async () => {
        await server.administer(`DROP DATABASE ${database} WITH (FORCE)`);
        rmSync(dataDir, { recursive: true, force: true });
      },
    };
  },
};

const stores: ReadonlyArray<DirectoryStore> = [sqlite, postgres];

/** Describes a suite once for each kind of store that can hold the directory. */
export function describeOnEveryStore(title: string, suite: (store: DirectoryStore) => void): void {
  for (const store of stores) describe(`${title}, in ${store.name},`, () => suite(store));
}
