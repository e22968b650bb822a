import { availableParallelism } from 'node:os';
import type { Configuration } from '../../../config/configuration.ts';
import { MEBIBYTE } from '../../database/free-room.ts';
import { inspectSchema, inspectSqliteFile } from '../../database/inspection.ts';
import type { PostgresFacts } from '../../database/postgres/postgres-inspection.ts';
import { createLog } from '../../observability/log.ts';
import { openRedis } from '../../redis/redis.ts';
import { type RedisFacts, readRedisFacts } from '../../redis/redis-facts.ts';
import { type Check, type Finding, fine, problem, warning } from './finding.ts';

/** The write-ahead log is emptied at a quarter of this, unless somebody reads without end. */
const LARGE_LOG = 64 * MEBIBYTE;
/** Clocks (ms) that differ by more make codes and proofs expire early or late; by much more, sign-ins fail. */
const SOME_SKEW = 1000;
const MUCH_SKEW = 5000;
/** One more connection for each process listens for changes. */
const LISTENING_CONNECTIONS = 1;
const MEMORY_HEADROOM = 0.2;

/** Says of a store's or a server's clock how far it is from this machine's (ms). */
export function clockFinding(check: string, whose: string, ahead: number): Finding {
  const seconds = (Math.abs(ahead) / 1000).toFixed(1);
  const message = `the clock of ${whose} is ${seconds} s ${ahead < 0 ? 'behind' : 'ahead of'} this machine’s`;
  const advice = 'have both set by the same time service (chrony, systemd-timesyncd)';
  if (Math.abs(ahead) > MUCH_SKEW) return problem(check, message, advice);
  return Math.abs(ahead) > SOME_SKEW ? warning(check, message, advice) : fine(check, message);
}

/** The tables are those of this version. */
export const schemaCheck: Check = async ({ database }) => {
  if (database === undefined) return [];
  const { missing, unknown } = await inspectSchema(database);
  if (unknown.length > 0) {
    return [
      problem(
        'schema',
        `the database was upgraded by a newer version (${unknown.join(', ')})`,
        'run that version, or restore a backup of this one',
      ),
    ];
  }
  if (missing.length > 0) {
    return [
      warning(
        'schema',
        `the database is of an earlier version (without ${missing.join(', ')})`,
        'back it up; the next start brings it up to date',
      ),
    ];
  }
  return [fine('schema', 'the database is of this version')];
};

/** The embedded database is whole, and its log of transactions is not growing without end. */
export const sqliteCheck: Check = async ({ database, configuration: { dataDir } }) => {
  if (database?.kind !== 'sqlite') return [];
  const { damage, bytes, logBytes } = await inspectSqliteFile(database.query, dataDir);
  const findings: Finding[] = [];
  if (damage !== undefined) {
    findings.push(
      problem('sqlite', `the database is damaged: ${damage}`, 'stop the server and restore a backup'),
    );
  } else {
    findings.push(fine('sqlite', `the database (${Math.ceil(bytes / MEBIBYTE)} MiB) is sound`));
  }
  if (logBytes > LARGE_LOG) {
    findings.push(
      warning(
        'sqlite',
        `the write-ahead log has grown to ${Math.ceil(logBytes / MEBIBYTE)} MiB: something reads the database without an end`,
        'look for a program other than Latchkey that has latchkey.db open',
      ),
    );
  }
  return findings;
};

/** What the server says of itself; whether it can be reached at all is found when it is opened. */
export function postgresFindings(facts: PostgresFacts, configuration: Configuration): Finding[] {
  const { version, standby, mostConnections, connections, clockAhead, synchronousCommit } = facts;
  const findings: Finding[] = [];
  const said = `PostgreSQL ${version}, ${connections} of ${mostConnections} connections in use`;
  const processes = configuration.workers === 'auto' ? availableParallelism() : configuration.workers;
  const most = processes * (configuration.database.poolSize + LISTENING_CONNECTIONS);
  if (standby) {
    findings.push(problem('postgres', `${said}: it is a standby, which takes no writes`, 'name the primary'));
  } else if (most > mostConnections) {
    findings.push(
      problem(
        'postgres',
        `${said}; the ${processes} processes of this machine alone may want ${most}`,
        'lower database.pool_size or workers, or raise max_connections',
      ),
    );
  } else findings.push(fine('postgres', said));
  if (synchronousCommit === 'off') {
    findings.push(
      warning(
        'postgres',
        'synchronous_commit is off by default: Latchkey turns it on for itself',
        'turn it on for the database: ALTER DATABASE … SET synchronous_commit = on',
      ),
    );
  }
  findings.push(clockFinding('clock', 'PostgreSQL', clockAhead));
  return findings;
}

/** Redis answers, as the configuration asks for it. */
export const redisCheck: Check = async ({ configuration }) => {
  const { redisUrl, redis: settings, issuer } = configuration;
  if (redisUrl === undefined) return [];
  let connection: Awaited<ReturnType<typeof openRedis>>;
  try {
    connection = await openRedis({ url: redisUrl, settings, issuer, log: createLog('silent') });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [
      problem('redis', message, 'until this is so, nobody can sign in and the server does not become ready'),
    ];
  }
  try {
    return (await readRedisFacts(connection)).flatMap((facts) => redisFindings(facts, settings));
  } finally {
    await connection.close();
  }
};

function redisFindings(facts: RedisFacts, settings: Configuration['redis']): Finding[] {
  const { version, appendOnly, appendFsync, appendFailed, replicas, memory, mostMemory } = facts;
  const findings = [fine('redis', `Redis ${version ?? 'of unknown version'}, maxmemory-policy noeviction`)];
  if (appendOnly === false) {
    findings.push(
      warning(
        'redis',
        'it keeps no append-only file: its restart ends every session, and revocations of the last minutes may be undone',
        'CONFIG SET appendonly yes, and appendfsync always or everysec',
      ),
    );
  } else if (appendFsync === 'everysec' || appendFsync === 'no') {
    findings.push(
      warning(
        'redis',
        `appendfsync is ${appendFsync}: a crash of its machine may undo ${appendFsync === 'no' ? 'half a minute' : 'a second'} of revocations and rotations`,
        'CONFIG SET appendfsync always, or accept the bound (docs/operations.md)',
      ),
    );
  }
  if (appendFailed) {
    findings.push(
      problem('redis', 'its last write to the append-only file failed', 'look at its disk and its log'),
    );
  }
  if (replicas !== undefined && replicas < settings.waitReplicas) {
    findings.push(
      problem(
        'redis',
        `it has ${replicas} replicas, and redis.wait_replicas asks for ${settings.waitReplicas}: every write is answered with 503`,
        'start the replicas, or lower redis.wait_replicas',
      ),
    );
  }
  if (mostMemory !== undefined && memory > mostMemory * (1 - MEMORY_HEADROOM)) {
    const percent = Math.round((memory / mostMemory) * 100);
    findings.push(
      (percent >= 100 ? problem : warning)(
        'redis',
        `${percent} % of its maxmemory are used; at 100 % every sign-in is answered with 503`,
        'raise maxmemory, or shorten lifetimes',
      ),
    );
  }
  findings.push(clockFinding('clock', 'Redis', facts.clockAhead));
  return findings;
}
