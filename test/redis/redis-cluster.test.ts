import { expect } from 'chai';
import type { RedisConnection } from '../../lib/redis/redis.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { Stopwatch } from '../flows/stopwatch.ts';
import { RedisBench, succeeds, troubleOf, write } from './redis-bench.ts';
import { type RedisCluster, type RedisServer, startRedisCluster } from './redis-servers.ts';

const PASSWORD = 'canary-of-the-cluster';
/** Hash tags whose slots are spread over the whole Cluster. */
const TAGS = Array.from({ length: 60 }, (_, index) => `tag-${index}`);

describe('the connection to a Redis Cluster', function () {
  this.timeout(60_000);
  let bench: RedisBench;
  let cluster: RedisCluster;
  let redis: RedisConnection;

  beforeEach(async () => {
    bench = new RedisBench();
    cluster = await startRedisCluster({ password: PASSWORD });
    redis = await bench.open(cluster.url);
  });
  afterEach(async () => {
    expect(bench.lines.join()).to.not.include('canary');
    await bench.close();
    await cluster?.remove();
  });

  const slotOf = async (tag: string): Promise<number> =>
    Number(await cluster.servers[0]?.command('CLUSTER', 'KEYSLOT', `{${tag}}`));

  it('writes to every part of it, many at once from the first moment on', async () => {
    const fresh = await bench.open(cluster.url);
    const answers = await Promise.all(TAGS.map((tag) => write(fresh, tag, tag)));
    expect(answers).to.deep.equal(TAGS);
    const sizes = await Promise.all((await cluster.masters()).map((server) => server.command('DBSIZE')));
    expect(sizes).to.have.length(3);
    for (const size of sizes) expect(size).to.be.greaterThan(0);
  });

  it('needs no more rights than these, also where a slot is being moved', async () => {
    const rules =
      '~latchkey:* resetchannels -@all +@read +@write +@scripting +info +time +cluster|slots +cluster|info +asking';
    for (const server of cluster.servers) {
      await server.command('ACL', 'SETUSER', 'latchkey', 'on', `>${PASSWORD}`, ...rules.split(' '));
    }
    const own = await bench.open(cluster.url.replace('//:', '//latchkey:'));
    expect(await Promise.all(TAGS.map((tag) => write(own, tag, tag)))).to.deep.equal(TAGS);
    await own.check();
    const slot = await slotOf('tag-4');
    const source = await cluster.masterOf(slot);
    const target = (await cluster.masters()).find((server) => server !== source) as RedisServer;
    await target.command(
      'CLUSTER',
      'SETSLOT',
      slot,
      'IMPORTING',
      String(await source.command('CLUSTER', 'MYID')),
    );
    await source.command(
      'CLUSTER',
      'SETSLOT',
      slot,
      'MIGRATING',
      String(await target.command('CLUSTER', 'MYID')),
    );
    await source.command('DEL', `${own.prefix}{tag-4}:test`);
    expect(await write(own, 'asked', 'tag-4')).to.equal('asked');
    expect(await target.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).to.equal(1);
  });

  it('runs scripts on masters that have forgotten them', async () => {
    await Promise.all(TAGS.map((tag) => write(redis, tag, tag)));
    for (const server of cluster.servers) await server.command('SCRIPT', 'FLUSH');
    expect(await Promise.all(TAGS.map((tag) => write(redis, `${tag}!`, tag)))).to.have.length(TAGS.length);
  });

  it('keeps serving the other parts when a master is killed, and all of it after the failover', async () => {
    await Promise.all(TAGS.map((tag) => write(redis, 'before', tag)));
    const killed = await cluster.masterOf(await slotOf('tag-0'));
    await killed.kill();
    let slowest = 0;
    await eventually(
      'every part is served again',
      async () => {
        const results = await Promise.all(
          TAGS.map(async (tag) => {
            const stopwatch = new Stopwatch();
            const done = await succeeds(() => write(redis, 'after', tag));
            slowest = Math.max(slowest, stopwatch.read());
            return done;
          }),
        );
        return results.every(Boolean);
      },
      30_000,
    );
    expect(slowest).to.be.below(1500);
    await eventually('it is ready', () => succeeds(() => redis.check()), 20_000);
  });

  it('follows slots that move, while they are written to', async () => {
    const slot = await slotOf('tag-1');
    const source = await cluster.masterOf(slot);
    const target = (await cluster.masters()).find((server) => server !== source) as RedisServer;
    let moving = true;
    let writes = 0;
    const writer = (async () => {
      while (moving) {
        expect(await write(redis, `v${writes}`, 'tag-1')).to.equal(`v${writes}`);
        writes += 1;
      }
    })();
    const [sourceId, targetId] = await Promise.all(
      [source, target].map((server) => server.command('CLUSTER', 'MYID')),
    );
    await target.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', String(sourceId));
    await source.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', String(targetId));
    await eventually('some were written meanwhile', () => writes > 5);
    const keys = (await source.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
    if (keys.length > 0) {
      const words = ['127.0.0.1', target.port, '', 0, 2000, 'REPLACE', 'AUTH', PASSWORD, 'KEYS', ...keys];
      await source.command('MIGRATE', ...words);
    }
    const between = writes;
    await eventually('some were written between', () => writes > between + 5);
    for (const server of [target, source, ...(await cluster.masters())]) {
      await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', String(targetId));
    }
    const after = writes;
    await eventually('some were written after', () => writes > after + 5);
    moving = false;
    await writer;
    expect((await cluster.masterOf(slot)).port).to.equal(target.port);
  });

  it('fails quickly at a master that hangs, serves the others, and is back when it goes on', async () => {
    const hanging = await cluster.masterOf(await slotOf('tag-2'));
    const tags = await Promise.all(
      TAGS.map(async (tag) => ((await cluster.masterOf(await slotOf(tag))) === hanging ? undefined : tag)),
    );
    const elsewhere = tags.find((tag) => tag !== undefined) as string;
    hanging.pause();
    const failing = troubleOf(() => write(redis, 'v', 'tag-2'));
    expect(await write(redis, 'served', elsewhere)).to.equal('served');
    expect((await failing).milliseconds).to.be.below(1500);
    hanging.resume();
    await eventually('it serves', () => succeeds(() => write(redis, 'v', 'tag-2')), 20_000);
    await eventually('it is ready', () => succeeds(() => redis.check()), 20_000);
  });

  it('is not ready while one master may evict, or a part of it has no master', async () => {
    await redis.check();
    const [, , third] = (await cluster.masters()) as [RedisServer, RedisServer, RedisServer];
    await third.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await troubleOf(() => redis.check())).message).to.include(`${third.port} has maxmemory-policy`);
    await third.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.check();
    await third.command('CLUSTER', 'DELSLOTS', String(await slotOfMaster(third)));
    await eventually('it is not ready', async () => !(await succeeds(() => redis.check())));
    expect((await troubleOf(() => redis.check())).message).to.match(/Cluster’s state is fail|CLUSTERDOWN/);
  });

  async function slotOfMaster(server: RedisServer): Promise<number> {
    const ranges = (await server.command('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
    return (ranges.find(([, , [, port]]) => port === server.port) as [number, number, unknown])[0];
  }
});
