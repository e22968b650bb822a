import { expect } from 'chai';
import { LoginThrottle } from '../../lib/authentication/throttling/login-throttle.ts';
import { openThrottleCounters } from '../../lib/authentication/throttling/open-throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import type { RedisConnection } from '../../lib/redis/redis.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisBench, succeeds, troubleOf } from '../redis/redis-bench.ts';
import { RedisServer, startRedisCluster } from '../redis/redis-servers.ts';
import { admitted, failTimes, knock, LIMITS, ThrottleBench } from './throttle-bench.ts';

const HOME = '203.0.113.7';
const elsewhere = (index: number): string => `198.${51 + Math.floor(index / 256)}.${index % 256}.1`;

const stores: [name: string, start: () => Promise<{ url: string; remove(): Promise<void> }>][] = [
  ['Redis', () => RedisServer.start({ appendOnly: true })],
  ['a Redis Cluster', () => startRedisCluster()],
];

for (const [name, start] of stores) {
  describe(`login throttle over processes that share ${name}`, function () {
    this.timeout(60_000);
    let store: { url: string; remove(): Promise<void> };
    let redis: RedisBench;
    let folder: ThrottleBench;
    let database: Database;
    let first: LoginThrottle;
    let second: LoginThrottle;
    let connection: RedisConnection;

    before(async () => {
      store = await start();
      redis = new RedisBench();
      folder = new ThrottleBench();
      database = await openDatabase({ dataDir: folder.dataDir, encryptionKey: [] });
      const open = (opened: RedisConnection): LoginThrottle =>
        new LoginThrottle({
          counters: openThrottleCounters({ database, redis: opened }),
          database,
          configuration: LIMITS,
        });
      connection = await redis.open(store.url);
      first = open(connection);
      second = open(await redis.open(store.url));
    });
    after(async () => {
      await redis?.close();
      await database?.close();
      await folder?.close();
      await store?.remove();
    });

    it('admits ten failures at an address, whichever process judges them', async () => {
      expect(await failTimes(first, 6, () => ['ann', HOME])).to.equal(6);
      expect(await failTimes(second, 20, () => ['ann', HOME])).to.equal(4);
      expect(await knock(first, 'ann', HOME)).to.equal('account');
      expect(await knock(first, 'ann', elsewhere(1))).to.equal('admitted');
    });

    it('lets no more of a hundred in at once than of one after another', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 100 }, (_, index) => knock(index % 2 ? first : second, 'bob', elsewhere(2))),
      );
      expect(outcomes.filter((outcome) => outcome === 'admitted')).to.have.length(10);
    });

    it('forgets failures with the sign-in that ends them, and knows the address then', async () => {
      await failTimes(first, 9, () => ['cid', elsewhere(3)]);
      await (await admitted(second, 'cid', elsewhere(3))).succeeded();
      expect(await failTimes(first, 20, () => ['cid', elsewhere(3)])).to.equal(10);
    });

    it('slows unfamiliar networks down once an account’s budget is used up, and no familiar address', async () => {
      await (await admitted(first, 'dan', HOME)).succeeded();
      await Promise.all(
        Array.from({ length: 100 }, (_, index) => knock(first, 'dan', elsewhere(100 + index))),
      );
      expect(await knock(second, 'dan', elsewhere(50))).to.equal('account');
      expect(await knock(second, 'dan', HOME)).to.equal('admitted');
    });

    it('asks in three round trips at most, and tells of success in the time of one', async () => {
      // A server that has not met a script yet costs a round trip more, and chance says which server of a Cluster is asked.
      for (let index = 0; index < 40; index += 1) {
        await (await admitted(first, `met ${index}`, elsewhere(200 + index))).succeeded();
      }
      const before = connection.roundTrips;
      const admission = await admitted(first, 'eve', elsewhere(4));
      expect(connection.roundTrips - before).to.be.at.most(3);
      await admission.succeeded();
      const familiar = connection.roundTrips;
      await admitted(first, 'eve', elsewhere(4));
      expect(connection.roundTrips - familiar).to.be.at.most(2);
    });
  });
}

describe('login throttle while Redis is in trouble', () => {
  it('admits nobody, and admits again afterwards', async () => {
    const store = await RedisServer.start({ appendOnly: true });
    const redis = new RedisBench();
    const folder = new ThrottleBench();
    const database = await openDatabase({ dataDir: folder.dataDir, encryptionKey: [] });
    try {
      const counters = openThrottleCounters({ database, redis: await redis.open(store.url) });
      const throttle = new LoginThrottle({ counters, database, configuration: LIMITS });
      store.pause();
      const { milliseconds } = await troubleOf(() => throttle.admit('ann', HOME));
      expect(milliseconds).to.be.below(1400);
      store.resume();
      await eventually('it admits again', () => succeeds(() => throttle.admit('ann', HOME)));
      expect(await knock(throttle, 'ann', HOME)).to.equal('admitted');
    } finally {
      store.resume();
      await redis.close();
      await database.close();
      await folder.close();
      await store.remove();
    }
  });
});
