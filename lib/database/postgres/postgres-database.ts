import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { type DatabaseAddress, parseDatabaseUrl } from '../../../config/database-url.ts';
import { type Epoch, readEpoch } from '../backup/epoch.ts';
import type { DatabaseLog } from '../database-log.ts';
import { DatabaseUnavailable, UnusableDatabase } from '../database-unavailable.ts';
import { migratePostgres } from '../migrations.ts';
import type { Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';
import { PostgresConnections, type PostgresSettings } from './postgres-connection.ts';
import { mayBeRetried, startProblem } from './postgres-errors.ts';
import { GuardedPool } from './postgres-pool.ts';
import { preparerOver } from './postgres-preparer.ts';
import { PostgresRevisions } from './postgres-revisions.ts';

/** The oldest version that is still maintained when this is written, as `server_version_num` has it. */
const OLDEST_VERSION = 140_000;
/** The advisory lock of whoever writes: reads before a write then see all that was written, as in the embedded file. */
const WRITERS_LOCK = 0x4c4b_0002;
/** How often a transaction is begun that the server gives up for the sake of others, and the longest wait (ms) in between. */
const MOST_ATTEMPTS = 6;
const LONGEST_WAIT_MILLISECONDS = 200;

/** The directory in PostgreSQL. */
export interface PostgresDirectory {
  readonly query: Kysely<DatabaseSchema>;
  transaction<Value>(
    work: (transaction: Kysely<DatabaseSchema>, now: number) => Promise<Value>,
  ): Promise<Value>;
  now(): number;
  readonly revisions: PostgresRevisions;
  readonly epoch: Epoch;
  readonly prepare: Preparer;
  readonly roundTrips: number;
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Connects, migrates and begins to listen. Throws UnusableDatabase with one line for the operator. */
export async function openPostgres(
  url: string,
  settings: PostgresSettings,
  log: DatabaseLog,
): Promise<PostgresDirectory> {
  const address = parseDatabaseUrl(url);
  if (typeof address === 'string') throw new UnusableDatabase(`the database URL ${address}`);
  try {
    return await open(address, settings, log);
  } catch (error) {
    throw startProblem(error, address);
  }
}

async function open(
  address: DatabaseAddress,
  settings: PostgresSettings,
  log: DatabaseLog,
): Promise<PostgresDirectory> {
  await using opening = new AsyncDisposableStack();
  const connections = new PostgresConnections(address, settings);
  opening.defer(() => connections.close());
  await prepare(connections, log);
  const pool = new GuardedPool(connections, { size: settings.poolSize });
  const query = new Kysely<DatabaseSchema>({ dialect: new PostgresDialect({ pool }) });
  opening.defer(() => query.destroy());
  const epoch = await readEpoch(query);
  const revisions = new PostgresRevisions({ query, connections, log, onTrouble: () => pool.distrust() });
  await revisions.start();
  opening.defer(() => revisions.stop());
  const opened = opening.move();
  return {
    query,
    transaction: (work) => transact(query, revisions, work),
    now: () => revisions.now(),
    revisions,
    epoch,
    prepare: preparerOver(query),
    get roundTrips() {
      return pool.roundTrips;
    },
    check: async () => {
      await sql`SELECT 1 FROM migrations LIMIT 1`.execute(query);
    },
    close: () => opened.disposeAsync(),
  };
}

/** Looks whether this server keeps the promises, and brings the schema up to date, on a connection of its own. */
async function prepare(connections: PostgresConnections, log: DatabaseLog): Promise<void> {
  const pool = new GuardedPool(connections, { size: 1, patient: true });
  await using query = new Kysely<DatabaseSchema>({ dialect: new PostgresDialect({ pool }) });
  const { rows } = await sql<{
    version: number;
    encoding: string;
    standby: boolean;
    commit: string;
  }>`SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
    pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS commit`.execute(query);
  const server = rows[0];
  if (server === undefined) throw new DatabaseUnavailable('PostgreSQL says nothing about itself');
  const { host, port, database } = connections.address;
  if (server.version < OLDEST_VERSION) {
    throw new UnusableDatabase(
      `PostgreSQL ${Math.floor(server.version / 10_000)} is too old: it must be ${OLDEST_VERSION / 10_000} or newer`,
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new UnusableDatabase(`database ${database} is encoded in ${server.encoding}: make one in UTF8`);
  }
  if (server.standby) {
    throw new UnusableDatabase(
      `PostgreSQL at ${host}:${port} is a standby, which takes no writes: name the primary`,
    );
  }
  // What was acknowledged must survive a crash of the server, whatever its default.
  if (server.commit === 'off') connections.sessionOptions = '-c synchronous_commit=on';
  await migratePostgres(query, connections.settings.migrationTimeout, log);
}

async function transact<Value>(
  query: Kysely<DatabaseSchema>,
  revisions: PostgresRevisions,
  work: (transaction: Kysely<DatabaseSchema>, now: number) => Promise<Value>,
): Promise<Value> {
  for (let attempt = 1; ; attempt += 1) {
    let begun: Kysely<DatabaseSchema> | undefined;
    try {
      const value = await query
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (transaction) => {
          begun = transaction;
          return work(transaction, await becomeWriter(transaction));
        });
      if (begun !== undefined) revisions.committed(begun);
      return value;
    } catch (error) {
      if (!mayBeRetried(error)) throw error;
      if (attempt === MOST_ATTEMPTS) {
        throw new DatabaseUnavailable('PostgreSQL gave a transaction up each time', { cause: error });
      }
      await sleep(Math.random() * Math.min(LONGEST_WAIT_MILLISECONDS, 10 * 2 ** attempt));
    }
  }
}

/** Waits until no other process writes; answers the server's time from then on. */
async function becomeWriter(transaction: Kysely<DatabaseSchema>): Promise<number> {
  const { rows } = await sql<{
    now: number;
  }>`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now
    FROM pg_advisory_xact_lock(${sql.lit(WRITERS_LOCK)})`.execute(transaction);
  return (rows[0] as { now: number }).now;
}
