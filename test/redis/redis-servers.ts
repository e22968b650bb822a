/**
 * Redis as an operator would run it, for tests: one server (redis-server.ts), a master with replicas watched by three
 * Sentinels, a Cluster of six. Each is on free ports of the loopback and in temporary folders, and none is left behind, even if the
 * tests are killed.
 */
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer, type RedisServerOptions } from './redis-server.ts';

export { RedisServer } from './redis-server.ts';

const SLOTS = 16_384;

async function together(starting: Promise<RedisServer>[]): Promise<RedisServer[]> {
  const settled = await Promise.allSettled(starting);
  const started = settled.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
  const failure = settled.find((one) => one.status === 'rejected');
  if (failure === undefined) return started;
  await Promise.all(started.map((server) => server.remove()));
  throw failure.reason;
}

/** A master and its replicas, watched by three Sentinels, two of which must agree. */
export interface SentinelTrio {
  readonly servers: RedisServer[];
  readonly sentinels: RedisServer[];
  readonly url: string;
  /** The server that the Sentinels name as master now. */
  master(): Promise<RedisServer>;
  remove(): Promise<void>;
}

/** Starts a trio; `options` are of the servers, `sentinelPassword` is of the Sentinels. */
export async function startSentinelTrio({
  options = {},
  sentinelPassword,
  replicas = 1,
  downAfterMilliseconds = 500,
}: {
  options?: RedisServerOptions;
  sentinelPassword?: string;
  replicas?: number;
  downAfterMilliseconds?: number;
} = {}): Promise<SentinelTrio> {
  const first = await RedisServer.start(options);
  const servers = [first];
  const sentinels: RedisServer[] = [];
  const remove = async (): Promise<void> => {
    await Promise.all([...servers, ...sentinels].map((server) => server.remove()));
  };
  const name = 'mymaster';
  const masterPort = async (sentinel: RedisServer): Promise<number> => {
    const address = (await sentinel.command('SENTINEL', 'get-master-addr-by-name', name)) as string[];
    return Number(address[1]);
  };
  try {
    servers.push(
      ...(await together(
        Array.from({ length: replicas }, () => RedisServer.start({ ...options, replicaOf: first })),
      )),
    );
    sentinels.push(
      ...(await together(
        Array.from({ length: 3 }, () =>
          RedisServer.start({
            sentinel: true,
            ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
            configuration: [
              `sentinel monitor ${name} 127.0.0.1 ${first.port} 2`,
              `sentinel down-after-milliseconds ${name} ${downAfterMilliseconds}`,
              `sentinel failover-timeout ${name} 3000`,
              ...(options.password === undefined ? [] : [`sentinel auth-pass ${name} ${options.password}`]),
              ...(sentinelPassword === undefined ? [] : [`sentinel sentinel-pass ${sentinelPassword}`]),
            ],
          }),
        ),
      )),
    );
    await eventually('the Sentinels know each other and the replicas', async () => {
      const known = await Promise.all(
        sentinels.map(async (sentinel) => {
          const master = (await sentinel.command('SENTINEL', 'master', name)) as string[];
          const fact = (key: string): number => Number(master[master.indexOf(key) + 1]);
          return fact('num-slaves') >= replicas && fact('num-other-sentinels') >= 2;
        }),
      );
      return known.every(Boolean);
    });
  } catch (error) {
    await remove();
    throw error;
  }
  const credentials = options.password === undefined ? '' : `:${options.password}@`;
  return {
    servers,
    sentinels,
    url: `redis-sentinel://${credentials}${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}?master=${name}`,
    master: async () => {
      const living = (await Promise.all(sentinels.map((one) => one.answers()))).indexOf(true);
      const port = await masterPort(sentinels[living] as RedisServer);
      return servers.find((server) => server.port === port) as RedisServer;
    },
    remove,
  };
}

/** A Cluster: three masters that share the slots equally, and a replica of each. */
export interface RedisCluster {
  readonly servers: RedisServer[];
  readonly url: string;
  /** The server that is master of this slot now, by the word of a node that lives. */
  masterOf(slot: number): Promise<RedisServer>;
  masters(): Promise<RedisServer[]>;
  remove(): Promise<void>;
}

interface SlotRange {
  from: number;
  to: number;
  port: number;
}

async function slotRanges(server: RedisServer): Promise<SlotRange[]> {
  const ranges = (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  return ranges.map(([from, to, [, port]]) => ({ from, to, port }));
}

/** Starts a Cluster of six and waits until all of it is served. */
export async function startRedisCluster(options: RedisServerOptions = {}): Promise<RedisCluster> {
  const servers = await together(
    Array.from({ length: 6 }, () => RedisServer.start({ ...options, cluster: true })),
  );
  const remove = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.remove()));
  };
  const serverAt = (port: number): RedisServer =>
    servers.find((server) => server.port === port) as RedisServer;
  const known = async (): Promise<SlotRange[]> => {
    for (const server of servers) {
      const ranges = await slotRanges(server).catch(() => undefined);
      if (ranges !== undefined) return ranges;
    }
    throw new Error('no node of the Cluster answers');
  };
  try {
    const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
    for (const { port, busPort } of others)
      await first.command('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
    for (const [index, master] of servers.slice(0, 3).entries()) {
      const from = Math.ceil((SLOTS * index) / 3);
      const to = Math.ceil((SLOTS * (index + 1)) / 3);
      await master.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, i) => from + i));
    }
    for (const [index, replica] of servers.slice(3).entries()) {
      const id = String(await servers[index]?.command('CLUSTER', 'MYID'));
      await eventually('the replica knows its master', () =>
        replica.command('CLUSTER', 'REPLICATE', id).then(
          () => true,
          () => false,
        ),
      );
    }
    await eventually(
      'every node sees the whole Cluster',
      async () => {
        const states = await Promise.all(
          servers.map(async (server) => {
            const info = String(await server.command('CLUSTER', 'INFO'));
            const nodes = String(await server.command('CLUSTER', 'NODES'));
            const replicas = nodes.split('\n').filter((line) => / (?:myself,)?slave /.test(line)).length;
            return info.includes('cluster_state:ok') && replicas === 3;
          }),
        );
        return states.every(Boolean);
      },
      20_000,
    );
    await eventually('the replicas are in step', async () => {
      const infos = await Promise.all(
        servers.slice(3).map((server) => server.command('INFO', 'replication')),
      );
      return infos.every((info) => String(info).includes('master_link_status:up'));
    });
  } catch (error) {
    await remove();
    throw error;
  }
  const credentials = options.password === undefined ? '' : `:${options.password}@`;
  return {
    servers,
    url: `redis-cluster://${credentials}${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masterOf: async (slot) => {
      const range = (await known()).find(({ from, to }) => from <= slot && slot <= to);
      if (range === undefined) throw new Error(`slot ${slot} has no master`);
      return serverAt(range.port);
    },
    masters: async () => [...new Set((await known()).map(({ port }) => serverAt(port)))],
    remove,
  };
}
