import type { Socket } from 'node:net';
import type { Cluster, Redis } from 'ioredis';
import { RedisUnavailable } from './redis-unavailable.ts';
import { readInfo, settingOf } from './server-info.ts';

/** The oldest version with `SET … PXAT` and `GETEX`; distributions and services older than it are out of support. */
const OLDEST_VERSION = [6, 2] as const;

type Facts = ReadonlyMap<string, string>;

function isTooOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

/** What keeps this server from being relied on, or undefined. `policy` is its maxmemory-policy. */
function problemOf(facts: Facts, policy: string | undefined, inCluster: boolean): string | undefined {
  const version = facts.get('redis_version') ?? '0';
  const mode = facts.get('redis_mode') ?? 'standalone';
  if (mode === 'sentinel') return 'is a Sentinel: use redis-sentinel:// for it';
  if (isTooOld(version)) {
    return `is version ${version}; ${OLDEST_VERSION.join('.')} is the oldest that has the commands used here`;
  }
  if (!inCluster && facts.get('cluster_enabled') === '1') {
    return 'is a node of a Cluster: use redis-cluster:// for it';
  }
  if (facts.get('loading') === '1') return 'is still loading its data';
  const role = facts.get('role');
  if (role !== 'master') {
    return `is a ${role === 'slave' ? 'replica' : (role ?? 'server that does not tell its role')}: writes go to a master, which redis-sentinel:// would find`;
  }
  if (policy === undefined) {
    return 'does not tell its maxmemory-policy, neither by INFO nor by CONFIG GET';
  }
  if (policy !== 'noeviction') {
    return `has maxmemory-policy ${policy}, which may throw away what was promised to be kept; set it to noeviction`;
  }
  return undefined;
}

async function read(name: string, ask: () => Promise<unknown>): Promise<string> {
  try {
    return String(await ask());
  } catch (error) {
    if (error instanceof Error && /^NOPERM\b/.test(error.message)) {
      throw new RedisUnavailable(
        `Redis: our user may not run ${name}, which tells whether the server can be relied on; allow it with ACL SETUSER … +${name}`,
        { cause: error },
      );
    }
    throw error;
  }
}

function placeOf(server: Redis): string {
  const { remoteAddress, remotePort } = (server as unknown as { stream?: Socket }).stream ?? {};
  return remoteAddress === undefined ? 'the server' : `${remoteAddress}:${remotePort}`;
}

async function checkServer(server: Redis, inCluster: boolean): Promise<void> {
  const facts = readInfo(await read('info', () => server.info()));
  // Services that hide the policy from INFO may tell it as a setting.
  const policy = facts.get('maxmemory_policy') ?? (await settingOf(server, 'maxmemory-policy'));
  const problem = problemOf(facts, policy, inCluster);
  if (problem !== undefined) throw new RedisUnavailable(`Redis: ${placeOf(server)} ${problem}`);
  if (!inCluster) return;
  const state = readInfo(await read('cluster|info', () => server.cluster('INFO'))).get('cluster_state');
  if (state !== 'ok')
    throw new RedisUnavailable(`Redis: the Cluster’s state is ${state}, by ${placeOf(server)}`);
}

/**
 * Rejects with RedisUnavailable, which says what to do, unless each master keeps what it is given: a recent version, a
 * master, without eviction, in a Cluster that serves. Then writes a key that lasts a second, since a server may refuse writes alone.
 */
export async function checkReadiness(client: Redis | Cluster, prefix: string): Promise<void> {
  if (client.isCluster) {
    const masters = (client as Cluster).nodes('master');
    if (masters.length === 0) throw new RedisUnavailable('Redis: the Cluster has no master');
    await Promise.all(masters.map((server) => checkServer(server, true)));
  } else {
    await checkServer(client as Redis, false);
  }
  await client.set(`${prefix}ready`, '1', 'PX', 1000);
}

/** Whether what is written survives a restart of the server; undefined when it does not tell. */
export async function isPersistent(client: Redis | Cluster): Promise<boolean | undefined> {
  const [server] = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
  const appendOnly = readInfo((await server?.info()) ?? '').get('aof_enabled');
  return appendOnly === undefined ? undefined : appendOnly === '1';
}
