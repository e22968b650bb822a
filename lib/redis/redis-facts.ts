import type { Cluster, Redis } from 'ioredis';
import type { RedisConnection } from './redis-connection.ts';
import { readInfo, settingOf } from './server-info.ts';

/** What one Redis server says of itself; undefined what it does not tell. */
export interface RedisFacts {
  version: string | undefined;
  /** Whether it keeps an append-only file, and how often that is synced: `always`, `everysec` or `no`. */
  appendOnly: boolean | undefined;
  appendFsync: string | undefined;
  /** Whether its last write to that file failed. */
  appendFailed: boolean;
  replicas: number | undefined;
  /** In bytes; `mostMemory` is undefined without a limit. */
  memory: number;
  mostMemory: number | undefined;
  /** How far its clock is ahead of this machine's, in ms. */
  clockAhead: number;
}

/** Asks each server that takes writes. Rejects with RedisUnavailable. */
export function readRedisFacts(connection: RedisConnection): Promise<RedisFacts[]> {
  return connection.roundTrip((client) => {
    const servers = client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
    return Promise.all(servers.map(factsOf));
  });
}

async function factsOf(server: Redis): Promise<RedisFacts> {
  const asked = Date.now();
  const [seconds, microseconds] = await server.time();
  const answered = Date.now();
  const told = readInfo(await server.info());
  const number = (name: string): number | undefined => {
    const value = told.get(name);
    return value === undefined ? undefined : Number(value);
  };
  const appendOnly = told.get('aof_enabled');
  return {
    version: told.get('redis_version'),
    appendOnly: appendOnly === undefined ? undefined : appendOnly === '1',
    appendFsync: await settingOf(server, 'appendfsync'),
    appendFailed: told.get('aof_last_write_status') === 'err',
    replicas: number('connected_slaves'),
    memory: number('used_memory') ?? 0,
    mostMemory: number('maxmemory') || undefined,
    clockAhead: Number(seconds) * 1000 + Number(microseconds) / 1000 - (asked + answered) / 2,
  };
}
