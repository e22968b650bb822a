import { type Kysely, sql } from 'kysely';
import { type ColumnTypes, POSTGRES_TYPES, SQLITE_TYPES } from './column-types.ts';
import { type DatabaseLog, SILENT } from './database-log.ts';
import { DatabaseUnavailable, UnusableDatabase } from './database-unavailable.ts';
import * as directory from './migrations/0001-directory.ts';
import * as grants from './migrations/0002-grants.ts';
import * as throttle from './migrations/0003-throttle.ts';
import * as epochs from './migrations/0004-epochs.ts';
import * as mailLinks from './migrations/0005-mail-links.ts';
import * as lastingSecrets from './migrations/0006-lasting-secrets.ts';
import * as accountPage from './migrations/0007-account-page.ts';
import * as secondFactors from './migrations/0008-second-factors.ts';
import * as passkeys from './migrations/0009-passkeys.ts';
import * as notifications from './migrations/0010-notifications.ts';
import * as clientRegistration from './migrations/0011-client-registration.ts';
import * as authorizationDetails from './migrations/0012-authorization-details.ts';
import * as upstreamIdentities from './migrations/0013-upstream-identities.ts';
import * as knownBrowsers from './migrations/0014-known-browsers.ts';
import * as externalKeys from './migrations/0015-external-keys.ts';
import * as recordsByRow from './migrations/0016-records-by-row.ts';
import type { DatabaseSchema } from './schema.ts';
import { isBusy } from './sqlite/sqlite-dialect.ts';

/** In order; a released migration is never edited, only followed by another. */
const MIGRATIONS: ReadonlyArray<{
  name: string;
  up: (database: Kysely<never>, types: ColumnTypes) => Promise<void>;
  /** Of what is kept in the embedded file alone. */
  embeddedOnly?: true;
}> = [
  { name: '0001-directory', up: directory.up },
  { name: '0002-grants', up: grants.up, embeddedOnly: true },
  { name: '0003-throttle', up: throttle.up, embeddedOnly: true },
  { name: '0004-epochs', up: epochs.up },
  { name: '0005-mail-links', up: mailLinks.up },
  { name: '0006-lasting-secrets', up: lastingSecrets.up },
  { name: '0007-account-page', up: accountPage.up },
  { name: '0008-second-factors', up: secondFactors.up },
  { name: '0009-passkeys', up: passkeys.up },
  { name: '0010-notifications', up: notifications.up },
  { name: '0011-client-registration', up: clientRegistration.up },
  { name: '0012-authorization-details', up: authorizationDetails.up },
  { name: '0013-upstream-identities', up: upstreamIdentities.up },
  { name: '0014-known-browsers', up: knownBrowsers.up },
  { name: '0015-external-keys', up: externalKeys.up },
  { name: '0016-records-by-row', up: recordsByRow.up, embeddedOnly: true },
];

/** What PostgreSQL's advisory locks are told apart by: any program of the same database may take some. */
const MIGRATION_LOCK = 0x4c4b_0001;

/** Migrations that this version does not know: whoever applied them is newer. */
export function unknownMigrations(applied: Iterable<string>): string[] {
  const known = new Set(MIGRATIONS.map(({ name }) => name));
  return [...applied].filter((name) => !known.has(name));
}

/** Migrations that are still to be applied to an embedded file, or to PostgreSQL. */
export function missingMigrations(applied: Iterable<string>, kind: 'sqlite' | 'postgres'): string[] {
  const present = new Set(applied);
  return MIGRATIONS.filter(({ embeddedOnly }) => kind === 'sqlite' || embeddedOnly !== true)
    .map(({ name }) => name)
    .filter((name) => !present.has(name));
}

/** How long (ms) a process waits for another one that brings a large file up to date, which takes seconds for each million records. */
const OTHERS_MIGRATION_MILLISECONDS = 600_000;

/**
 * Brings the schema of an embedded file up to date in one transaction. It begins IMMEDIATE, so of several processes that
 * start at once one migrates while the others wait, then find nothing to do. Throws when the database was written by a
 * newer version of the program: going on would lose what that version stored.
 */
export async function migrate(database: Kysely<DatabaseSchema>, log = SILENT): Promise<void> {
  const deadline = performance.now() + OTHERS_MIGRATION_MILLISECONDS;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const tellDone = await database
        .transaction()
        .execute((transaction) => apply(transaction, SQLITE_TYPES, log));
      tellDone();
      return;
    } catch (error) {
      const isOccupied = error instanceof DatabaseUnavailable && isBusy(error.cause);
      if (!isOccupied || performance.now() >= deadline || !(await isBehind(database))) throw error;
      if (attempt === 1) log.info({}, 'waiting for another process, which brings the database up to date');
    }
  }
}

/** Whether an embedded file lacks something of this version: whoever holds its lock may well be bringing it up to date. */
async function isBehind(database: Kysely<DatabaseSchema>): Promise<boolean> {
  try {
    const applied = await database.selectFrom('migrations').select('name').execute();
    return (
      missingMigrations(
        applied.map(({ name }) => name),
        'sqlite',
      ).length > 0
    );
  } catch {
    // A new file, which is brought up to date in an instant.
    return false;
  }
}

/**
 * The same for PostgreSQL, where an advisory lock makes the others wait, for `timeout` seconds at most. Throws
 * UnusableDatabase when that time is over, or when a newer version was here.
 */
export async function migratePostgres(
  database: Kysely<DatabaseSchema>,
  timeout: number,
  log: DatabaseLog,
): Promise<void> {
  const tellDone = await database
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      await sql`SELECT set_config('lock_timeout', ${`${timeout}s`}, true)`.execute(transaction);
      await sql`SELECT pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(transaction);
      return apply(transaction, POSTGRES_TYPES, log);
    });
  tellDone();
}

/**
 * Says so before it changes what was there: that may take longer than whoever watches the start waits. Answers what is to be called once it is
 * committed.
 */
async function apply(
  transaction: Kysely<DatabaseSchema>,
  types: ColumnTypes,
  log: DatabaseLog,
): Promise<() => void> {
  await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at bigint NOT NULL)`.execute(
    transaction,
  );
  const applied = new Set(
    (await transaction.selectFrom('migrations').select('name').execute()).map(({ name }) => name),
  );
  const unknown = unknownMigrations(applied);
  if (unknown.length > 0) {
    const problem = `the database was upgraded by a newer version (${unknown.join(', ')}): start that version, or restore a backup`;
    throw types === POSTGRES_TYPES ? new UnusableDatabase(problem) : new Error(problem);
  }
  const wanted = MIGRATIONS.filter(({ embeddedOnly }) => types === SQLITE_TYPES || embeddedOnly !== true);
  const missing = wanted.filter(({ name }) => !applied.has(name));
  const tell = applied.size > 0 && missing.length > 0 ? log : SILENT;
  tell.info(
    { migrations: missing.map(({ name }) => name) },
    'bringing the database up to date: a large one takes a while',
  );
  for (const { name, up } of missing) {
    await up(transaction as unknown as Kysely<never>, types);
    await transaction.insertInto('migrations').values({ name, applied_at: Date.now() }).execute();
  }
  return () => tell.info({}, 'the database is up to date');
}
