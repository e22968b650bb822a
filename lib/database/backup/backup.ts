import { statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { unusableSetting } from '../../../config/unusable-setting.ts';
import { directoryProblem } from '../directory-problem.ts';
import type { SealedColumn } from '../sealed-values.ts';
import { sealingKeyId } from '../sealer.ts';
import { openSqliteConnection } from '../sqlite/sqlite-dialect.ts';
import { type FileRefusal, makeFile } from './durable-files.ts';
import { TRANSIENT_TABLES } from './epoch.ts';
import { databaseFile, hasDatabase, holdFinishedDirectory } from './staged-restore.ts';

/** What a backup says of itself. */
export interface BackupNote {
  /** Unix time, ms. */
  madeAt: number;
  issuer: string;
  /** Of the program that made it. */
  version: string;
}

export interface Backup extends BackupNote {
  file: string;
  bytes: number;
  people: number;
  clients: number;
  apis: number;
  /** The names of the encryption keys that it takes to read what is sealed in it; see Sealer.keyIds. */
  encryptionKeys: string[];
}

export type BackupRefusal = FileRefusal | { outcome: 'refused'; reason: 'no_database'; description: string };

/** SQLite’s result codes for a file that is damaged, that cannot be opened, and that is no database: the source, for the copy has just been made. */
const SOURCE_PROBLEMS = new Set([11, 14, 26]);

/** Whether what was thrown is of the data directory, not of where the backup goes. */
function isOfSource(error: unknown, dataDir: string): boolean {
  const { errcode, path: file } = error as NodeJS.ErrnoException & { errcode?: number };
  return (
    SOURCE_PROBLEMS.has(Number(errcode) & 0xff) || file?.startsWith(path.join(dataDir, path.sep)) === true
  );
}

const isTransient = (table: string): boolean => (TRANSIENT_TABLES as ReadonlyArray<string>).includes(table);

/**
 * Copies the directory of the embedded database into one file (mode 0600) while servers use it. What is read is one
 * moment's: a read transaction, which in WAL mode neither waits for writers nor lets them wait. Sessions, tokens and
 * consents are left out, since a restore would end them; the encryption key is not in it. The file appears under its name
 * once it is whole, on the disk, and was read again.
 * @throws {ConfigurationError} when the data directory cannot be read, or its database is damaged
 */
export function backUpDatabase(options: {
  dataDir: string;
  to: string;
  overwrite: boolean;
  note: BackupNote;
  /** What of it is sealed; the backup names the keys. */
  sealedColumns: ReadonlyArray<SealedColumn>;
}): { outcome: 'written'; backup: Backup } | BackupRefusal {
  const { dataDir } = options;
  try {
    if (hasDatabase(dataDir)) return copyHeld(options);
  } catch (error) {
    const problem = isOfSource(error, dataDir) ? directoryProblem(error, dataDir) : undefined;
    throw problem === undefined ? error : unusableSetting('data_dir', problem.line);
  }
  return { outcome: 'refused', reason: 'no_database', description: `there is no database in ${dataDir}` };
}

function copyHeld(
  options: Parameters<typeof backUpDatabase>[0],
): { outcome: 'written'; backup: Backup } | FileRefusal {
  const { dataDir, to, overwrite, note, sealedColumns } = options;
  const hold = holdFinishedDirectory(dataDir);
  try {
    const made = makeFile(to, { overwrite, dataDir }, (draft) => {
      copyDirectory(databaseFile(dataDir), draft, note);
      return verifyBackup(draft, sealedColumns);
    });
    if (made.outcome === 'refused') return made;
    return { outcome: 'written', backup: { file: to, ...note, ...made.value } };
  } finally {
    hold.release();
  }
}

function copyDirectory(source: string, target: string, note: BackupNote): void {
  const connection = openSqliteConnection(source);
  try {
    connection.exec('PRAGMA foreign_keys = OFF');
    connection.prepare('ATTACH DATABASE ? AS copy').run(target);
    // Nothing reads it before it is whole, and an interrupted one is thrown away.
    connection.exec('PRAGMA copy.journal_mode = OFF; BEGIN');
    const schema = connection
      .prepare(
        `SELECT type, name, sql FROM main.sqlite_schema
         WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'table' DESC, rowid`,
      )
      .all() as unknown as { type: string; name: string; sql: string }[];
    for (const { sql } of schema) {
      connection.exec(sql.replace(/^CREATE (TABLE|UNIQUE INDEX|INDEX) /, 'CREATE $1 copy.'));
    }
    for (const { type, name } of schema) {
      if (type !== 'table' || isTransient(name)) continue;
      connection.exec(`INSERT INTO copy."${name}" SELECT * FROM main."${name}"`);
    }
    connection.exec('CREATE TABLE copy.backup (made_at integer, issuer text, version text)');
    connection
      .prepare('INSERT INTO copy.backup VALUES (?, ?, ?)')
      .run(note.madeAt, note.issuer, note.version);
    connection.exec('COMMIT; DETACH DATABASE copy');
  } finally {
    connection.close();
  }
}

/** Reads a backup as a restore would. Throws when it is not what was to be written. */
function verifyBackup(
  file: string,
  sealedColumns: ReadonlyArray<SealedColumn>,
): Omit<Backup, keyof BackupNote | 'file'> {
  const connection = new DatabaseSync(file, { readOnly: true });
  try {
    const problem = integrityProblem(connection);
    if (problem !== undefined) throw new Error(`the backup that was written is damaged: ${problem}`);
    const count = (table: string): number =>
      Number(connection.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
    return {
      bytes: statSync(file).size,
      people: count('accounts'),
      clients: count('clients'),
      apis: count('apis'),
      encryptionKeys: encryptionKeysOf(connection, sealedColumns),
    };
  } finally {
    connection.close();
  }
}

/** What SQLite finds wrong with a database, in its words. */
export function integrityProblem(connection: DatabaseSync): string | undefined {
  try {
    const result = String(connection.prepare('PRAGMA integrity_check(1)').get()?.integrity_check);
    if (result !== 'ok') return result;
    const orphan = connection.prepare('PRAGMA foreign_key_check').get();
    return orphan === undefined ? undefined : `a row of ${String(orphan.table)} belongs to nothing`;
  } catch (error) {
    // Damage of some kinds keeps it from looking.
    return (error as Error).message;
  }
}

/** The names of the encryption keys that the directory's secrets are sealed with. A database of an earlier version lacks some of the tables. */
function encryptionKeysOf(connection: DatabaseSync, sealedColumns: ReadonlyArray<SealedColumn>): string[] {
  const tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const present = new Set(tables.map(({ name }) => name));
  const rows = sealedColumns
    .filter(({ table }) => present.has(table))
    .flatMap(({ table, column }) =>
      connection.prepare(`SELECT ${column} AS sealed FROM ${table} WHERE ${column} IS NOT NULL`).all(),
    );
  return [...new Set(rows.map(({ sealed }) => sealingKeyId(sealed as Uint8Array)))];
}
