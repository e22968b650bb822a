import { expect } from 'chai';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { FakeRedis, greeting } from './fake-redis.ts';
import { RedisBench, succeeds, troubleOf } from './redis-bench.ts';
import { RedisServer } from './redis-servers.ts';

describe('readiness of Redis', () => {
  const bench = new RedisBench();
  let server: RedisServer | undefined;
  let fake: FakeRedis | undefined;

  afterEach(async () => {
    await bench.close();
    await server?.remove();
    await fake?.close();
    server = undefined;
    fake = undefined;
  });

  const refusal = async (url: string): Promise<string> => (await troubleOf(() => bench.open(url))).message;

  for (const policy of ['allkeys-lru', 'volatile-ttl', 'volatile-random', 'allkeys-lfu']) {
    it(`refuses the eviction policy ${policy}, and names the right one`, async () => {
      server = await RedisServer.start({ maxMemoryPolicy: policy });
      expect(await refusal(server.url))
        .to.include(`maxmemory-policy ${policy}`)
        .and.include('set it to noeviction')
        .and.include(`127.0.0.1:${server.port}`);
    });
  }

  it('asks whether a server speaks TLS that does not answer to it', async () => {
    server = await RedisServer.start();
    expect(await refusal(server.url.replace('redis://', 'rediss://')))
      .to.include('not connected')
      .and.include('does it speak TLS there?');
  }).timeout(60_000);

  it('notices a policy that is changed while it runs, and that it is changed back', async () => {
    server = await RedisServer.start();
    const redis = await bench.open(server.url);
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect((await troubleOf(() => redis.check())).message).to.include('allkeys-lru');
    await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.check();
  });

  it('refuses a replica', async () => {
    server = await RedisServer.start();
    const replica = await RedisServer.start({ replicaOf: server });
    try {
      expect(await refusal(replica.url))
        .to.include('is a replica')
        .and.include('redis-sentinel://');
    } finally {
      await replica.remove();
    }
  });

  for (const version of ['5.0.14', '6.0.16']) {
    it(`refuses version ${version}`, async () => {
      fake = await FakeRedis.start(greeting(version));
      expect(await refusal(fake.url))
        .to.include(`is version ${version}`)
        .and.include('6.2');
    });
  }

  for (const version of ['6.2.0', '7.4.1', '8.0.0', '10.0.0']) {
    it(`takes version ${version}`, async () => {
      fake = await FakeRedis.start(greeting(version));
      await bench.open(fake.url);
    });
  }

  it('refuses a Sentinel, and a node of a Cluster, that it is given as a server', async () => {
    server = await RedisServer.start({
      sentinel: true,
      configuration: ['sentinel monitor other 127.0.0.1 1 1'],
    });
    expect(await refusal(server.url)).to.include('redis-sentinel://');
    await server.remove();
    server = await RedisServer.start({ cluster: true });
    expect(await refusal(server.url)).to.include('redis-cluster://');
  });

  it('refuses a server without Cluster that it is given as one', async () => {
    server = await RedisServer.start();
    const url = `redis-cluster://127.0.0.1:${server.port}`;
    expect(await refusal(url)).to.match(/cluster support disabled/);
  });

  it('stops after a while where nobody listens, and says where', async () => {
    const port = await freePort();
    expect(await refusal(`redis://127.0.0.1:${port}`)).to.include(`ECONNREFUSED 127.0.0.1:${port}`);
  }).timeout(60_000);

  it('waits for a server that is being started', async () => {
    server = await RedisServer.start();
    await server.stop();
    const opening = bench.open(server.url);
    opening.catch(() => {});
    await server.restart();
    const redis = await opening;
    await eventually('it is ready', () => succeeds(() => redis.check()));
  });
});
