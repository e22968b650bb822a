import { randomBytes } from 'node:crypto';
import { constants, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { findEncryptionKeys, prepareDataDirectory } from '../encryption-key.ts';
import { migrate, unknownMigrations } from '../migrations.ts';
import type { DatabaseSchema } from '../schema.ts';
import { type SealedColumn, surveySealed } from '../sealed-values.ts';
import { Sealer } from '../sealer.ts';
import { claimDataDirectory } from '../sqlite/data-directory-lock.ts';
import { createSqliteDialect, openSqliteConnection } from '../sqlite/sqlite-dialect.ts';
import { integrityProblem } from './backup.ts';
import { type DirectoryDifference, differencesSince } from './directory-difference.ts';
import { syncFile } from './durable-files.ts';
import { beginEpoch, dropRemembered } from './epoch.ts';
import { databaseFile, finishInterruptedRestore, replaceDatabase } from './staged-restore.ts';

export interface Restored {
  /** When the backup was made (Unix time, ms), by which version, of which issuer; undefined for a plain copy of a database. */
  note: { madeAt: number; version: string; issuer: string } | undefined;
  people: number;
  clients: number;
  apis: number;
  /** Where the replaced database is kept; undefined when there was none. */
  replaced: string | undefined;
  /** What changed between the backup and the replaced database; undefined when that could not be read. */
  difference: DirectoryDifference | undefined;
}

export type RestoreRefusal = {
  outcome: 'refused';
  reason: 'not_found' | 'in_use' | 'not_a_backup' | 'damaged' | 'newer_version' | 'other_encryption_key';
  description: string;
};

/** Result codes of SQLite. */
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/** Begins the name of the directory in which a restore prepares what it will put in place. */
const STAGING = 'restoring-';
/** Begins the name of the directory in which a restore keeps what it replaced. */
const REPLACED = 'replaced-';

const named = (dataDir: string, beginning: string): string[] =>
  readdirSync(dataDir)
    .filter((name) => name.startsWith(beginning))
    .map((name) => path.join(dataDir, name));

/** What restores that were interrupted before their decision left behind. */
export function leftoversOfRestores(dataDir: string): string[] {
  return named(dataDir, STAGING);
}

/** Databases that restores replaced and nobody removed yet. */
export function replacedDatabases(dataDir: string): string[] {
  return named(dataDir, REPLACED);
}

class Refusal extends Error {
  readonly reason: RestoreRefusal['reason'];

  constructor(reason: RestoreRefusal['reason'], description: string) {
    super(description);
    this.reason = reason;
  }
}

/**
 * Puts the directory of a backup in the place of the embedded database, in a new epoch: nothing that was granted before
 * counts afterwards. The backup itself is only read. A crash leaves either database, whole (see replaceDatabase).
 * `now`: Unix time, ms.
 */
export async function restoreDatabase(options: {
  from: string;
  dataDir: string;
  encryptionKey: ReadonlyArray<string>;
  sealedColumns: ReadonlyArray<SealedColumn>;
  now: number;
}): Promise<{ outcome: 'restored'; restored: Restored } | RestoreRefusal> {
  const { from, dataDir, now } = options;
  try {
    checkSource(from);
    prepareDataDirectory(dataDir);
    const claim = claimDataDirectory(dataDir);
    if (claim === undefined) {
      throw new Refusal(
        'in_use',
        `${dataDir} is in use: stop every server and command that works on it first`,
      );
    }
    const staging = path.join(dataDir, `${STAGING}${randomBytes(4).toString('hex')}`);
    try {
      finishInterruptedRestore(dataDir);
      for (const leftover of leftoversOfRestores(dataDir)) rmSync(leftover, { recursive: true, force: true });
      mkdirSync(staging, { mode: 0o700 });
      const staged = path.join(staging, 'latchkey.db');
      copyFileSync(from, staged, constants.COPYFILE_EXCL);
      const summary = await prepare(staged, options);
      const present = existsSync(databaseFile(dataDir));
      const difference = present ? readDifference(dataDir, staged) : undefined;
      const aside = path.join(dataDir, `${REPLACED}${new Date(now).toISOString().replace(/[:.]/g, '-')}`);
      syncFile(staged);
      replaceDatabase(dataDir, staged, aside);
      return {
        outcome: 'restored',
        restored: { ...summary, difference, replaced: present ? aside : undefined },
      };
    } finally {
      rmSync(staging, { recursive: true, force: true });
      claim.release();
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { outcome: 'refused', reason: error.reason, description: error.message };
  }
}

function checkSource(from: string): void {
  const stats = statSync(from, { throwIfNoEntry: false });
  if (stats === undefined) throw new Refusal('not_found', `there is no file ${from}`);
  if (!stats.isFile()) throw new Refusal('not_a_backup', `${from} is no file`);
  const log = statSync(`${from}-wal`, { throwIfNoEntry: false });
  if (log !== undefined && log.size > 0) {
    throw new Refusal(
      'not_a_backup',
      `${from} is a database in use (${path.basename(from)}-wal is beside it): make a backup of it with latchkey backup`,
    );
  }
}

/** Judges the copy of the backup, and makes of it the database that is to be served. */
async function prepare(
  staged: string,
  options: Parameters<typeof restoreDatabase>[0],
): Promise<Pick<Restored, 'note' | 'people' | 'clients' | 'apis'>> {
  const connection = openStaged(staged, options.from);
  const query = new Kysely<DatabaseSchema>({ dialect: createSqliteDialect(connection) });
  try {
    await judge(connection, query, options);
    const note = readNote(connection);
    connection.exec('DROP TABLE IF EXISTS backup');
    await migrate(query);
    dropRemembered(connection);
    await query.transaction().execute((transaction) => beginEpoch(transaction, options.now));
    const count = (table: string): number =>
      Number(connection.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n);
    return { note, people: count('accounts'), clients: count('clients'), apis: count('apis') };
  } finally {
    // The last connection to close takes the write-ahead log into the file.
    await query.destroy();
  }
}

function openStaged(staged: string, from: string): DatabaseSync {
  try {
    return openSqliteConnection(staged);
  } catch (error) {
    const { errcode, message } = error as Error & { errcode?: number };
    if (errcode === NOT_A_DATABASE) throw new Refusal('not_a_backup', `${from} is no backup (${message})`);
    if (errcode === CORRUPT) throw new Refusal('damaged', `${from} is damaged: ${message}`);
    throw error;
  }
}

async function judge(
  connection: DatabaseSync,
  query: Kysely<DatabaseSchema>,
  { from, dataDir, encryptionKey, sealedColumns }: Parameters<typeof restoreDatabase>[0],
): Promise<void> {
  const problem = integrityProblem(connection);
  if (problem !== undefined) throw new Refusal('damaged', `${from} is damaged: ${problem}`);
  const table = connection.prepare(
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'",
  );
  if (table.get() === undefined) throw new Refusal('not_a_backup', `${from} is a database of something else`);
  const applied = connection.prepare('SELECT name FROM migrations').all();
  const unknown = unknownMigrations(applied.map(({ name }) => String(name)));
  if (unknown.length > 0) {
    throw new Refusal(
      'newer_version',
      `${from} was made by a newer version (${unknown.join(', ')}): restore it with that version`,
    );
  }
  const keys = findEncryptionKeys(encryptionKey, dataDir);
  const where = `set LATCHKEY_ENCRYPTION_KEY, or put the file encryption.key of that time into ${dataDir}`;
  if (keys === undefined) {
    throw new Refusal(
      'other_encryption_key',
      `there is no encryption key, and a backup does not hold it: ${where}`,
    );
  }
  const sealer = new Sealer(keys);
  const { unreadable } = await surveySealed(query, sealedColumns, sealer);
  const [first] = unreadable;
  if (first === undefined) return;
  const others = unreadable.length === 1 ? '' : ` and ${unreadable.length - 1} more`;
  throw new Refusal(
    'other_encryption_key',
    `the encryption key does not open ${first.what} ${first.key}${others} (sealed with key ${first.keyId}, present: ${sealer.keyIds.join(', ')}): ${where}; several keys may be given, newest first`,
  );
}

function readNote(connection: DatabaseSync): Restored['note'] {
  const table = connection.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'backup'");
  if (table.get() === undefined) return undefined;
  const row = connection.prepare('SELECT made_at, version, issuer FROM backup').get();
  if (row === undefined) return undefined;
  return { madeAt: Number(row.made_at), version: String(row.version), issuer: String(row.issuer) };
}

/** What is replaced may be damaged, or of another version: then nobody can say what it held. */
function readDifference(dataDir: string, staged: string): DirectoryDifference | undefined {
  try {
    return differencesSince(databaseFile(dataDir), staged);
  } catch {
    return undefined;
  }
}
