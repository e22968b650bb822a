import { RedisServer, startRedisCluster } from '../redis/redis-servers.ts';
import { describeCrash } from './contract-crash.ts';
import { makeRedisPlace } from './redis-place.ts';
import { describeStorageContract } from './storage-contract.ts';

describe('Redis keeps the storage contract', () => {
  let server: RedisServer;

  before(async () => {
    server = await RedisServer.start({ appendOnly: true });
  });

  after(() => server.remove());

  describeStorageContract(() => makeRedisPlace(server.url));
  describeCrash(() => makeRedisPlace(server.url));
});

describe('a Redis Cluster keeps the storage contract', () => {
  let cluster: Awaited<ReturnType<typeof startRedisCluster>>;

  before(async function () {
    this.timeout(60_000);
    cluster = await startRedisCluster();
  });

  after(() => cluster.remove());

  describeStorageContract(() => makeRedisPlace(cluster.url));
  describeCrash(() => makeRedisPlace(cluster.url));
});
