import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { type RedisCluster, type RedisServer, startRedisCluster } from '../redis/redis-servers.ts';
import { type Installation, startWorkers } from './installation.ts';
import { moveSlots, slotsWithKeys } from './move-slots.ts';
import { scanRedis } from './records-without-expiry.ts';
import { Trial } from './trial.ts';

/** See redis-sentinel.test.ts. */
const UNREPLICATED_MILLISECONDS = 1000;
const RECOVERY_MILLISECONDS = 15_000;
const SLOTS = 24;

/** Four workers whose sessions and tokens are in a Cluster of three masters and their replicas. */
describe('faults of a Redis Cluster', function () {
  this.timeout(300_000);
  let cluster: RedisCluster;
  let installation: Installation;

  before(async () => {
    cluster = await startRedisCluster({ appendOnly: true });
    installation = await startWorkers({ LATCHKEY_REDIS_URL: cluster.url });
  });
  after(async () => {
    await installation?.stop();
    await cluster?.remove();
  });

  it(`${SLOTS} slots move to another master under load: nothing is lost, and nothing fails`, async () => {
    await Trial.run(installation, { operator: true }, async (trial) => {
      const [from, to] = (await cluster.masters()) as [RedisServer, RedisServer];
      const slots = await slotsWithKeys(from, SLOTS);
      const moved = await moveSlots(cluster, { from, to, slots });
      await trial.goesWell();
      expect(moved).to.be.least(slots.length);
      // Back again.
      await moveSlots(cluster, { from: to, to: from, slots });
    });
  });

  it('a master is killed: its replica takes over in seconds, and at most the last second is lost', async () => {
    let killedAt = 0;
    await Trial.run(
      installation,
      { recoveryMilliseconds: RECOVERY_MILLISECONDS },
      async (trial) => {
        const victim = await cluster.masterOf(0);
        await trial.fault('a master is killed', async () => {
          killedAt = performance.now();
          await victim.kill();
          await eventually('its replica took over', async () => (await cluster.masterOf(0)) !== victim);
        });
        await trial.goesWell();
        await victim.restart();
      },
      ({ acknowledgedAt }) =>
        acknowledgedAt === undefined || acknowledgedAt < killedAt - UNREPLICATED_MILLISECONDS,
    );
  });

  it('nothing that is left is without an expiry', async () => {
    const { records, lasting } = await scanRedis(await cluster.masters());
    expect(records).to.be.above(100);
    expect(lasting).to.deep.equal([]);
  });
});
