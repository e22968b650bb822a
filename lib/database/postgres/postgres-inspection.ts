import { Kysely, PostgresDialect, sql } from 'kysely';
import type { Configuration } from '../../../config/configuration.ts';
import { parseDatabaseUrl } from '../../../config/database-url.ts';
import { UnusableDatabase } from '../database-unavailable.ts';
import type { InspectedDatabase } from '../inspection.ts';
import type { DatabaseSchema } from '../schema.ts';
import { PostgresConnections } from './postgres-connection.ts';
import { startProblem } from './postgres-errors.ts';
import { GuardedPool } from './postgres-pool.ts';

/** What a server says of itself. */
export interface PostgresFacts {
  version: string;
  standby: boolean;
  /** Connections that it lets in, and how many there are, all clients together. */
  mostConnections: number;
  connections: number;
  /** Those of other Latchkey processes to this very database. */
  latchkeyConnections: number;
  /** How far its clock is ahead of this machine's, in ms. */
  clockAhead: number;
  /** Whether what it acknowledges survives its own crash, by its default. */
  synchronousCommit: string;
  /** Whether our tables are there. */
  hasSchema: boolean;
}

/** Looks at the server and opens the directory, without bringing it up to date. Throws UnusableDatabase in words for the operator. */
export async function inspectPostgres(
  url: string,
  settings: Configuration['database'],
): Promise<InspectedDatabase & { facts: PostgresFacts }> {
  const address = parseDatabaseUrl(url);
  if (typeof address === 'string') throw new UnusableDatabase(`the database URL ${address}`);
  try {
    const connections = new PostgresConnections(address, settings);
    const pool = new GuardedPool(connections, { size: 1 });
    const query = new Kysely<DatabaseSchema>({ dialect: new PostgresDialect({ pool }) });
    const close = async (): Promise<void> => {
      await query.destroy();
      await connections.close();
    };
    try {
      return { kind: 'postgres', query, facts: await readFacts(query), close };
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    throw startProblem(error, address);
  }
}

async function readFacts(query: Kysely<DatabaseSchema>): Promise<PostgresFacts> {
  // The first statement also connects, and would count against the clock.
  await sql`SELECT 1`.execute(query);
  const asked = Date.now();
  const clock = await sql<{ now: number }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now`.execute(query);
  const answered = Date.now();
  const { rows } = await sql<Omit<PostgresFacts, 'clockAhead'>>`
    SELECT current_setting('server_version') AS version, pg_is_in_recovery() AS standby,
      current_setting('max_connections')::int AS "mostConnections",
      (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int AS connections,
      (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name = 'latchkey' AND pid <> pg_backend_pid())::int AS "latchkeyConnections",
      current_setting('synchronous_commit') AS "synchronousCommit",
      to_regclass('migrations') IS NOT NULL AS "hasSchema"`.execute(query);
  const facts = rows[0];
  if (facts === undefined) throw new UnusableDatabase('PostgreSQL says nothing about itself');
  return { ...facts, clockAhead: Number(clock.rows[0]?.now) - (asked + answered) / 2 };
}
