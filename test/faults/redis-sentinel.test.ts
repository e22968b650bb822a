import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { type SentinelTrio, startSentinelTrio } from '../redis/redis-servers.ts';
import { type Installation, startWorkers } from './installation.ts';
import { scanRedis } from './records-without-expiry.ts';
import { Trial } from './trial.ts';

/** What replication may not have reached the replica of before a master died, ms: as long as its link is well. */
const UNREPLICATED_MILLISECONDS = 1000;
/** From when the Sentinels have another master until the clients have it. */
const RECOVERY_MILLISECONDS = 10_000;

/** Four workers whose sessions and tokens are with a master that three Sentinels watch. */
describe('faults of Redis behind Sentinels', function () {
  this.timeout(300_000);

  let trio: SentinelTrio;
  let installation: Installation;

  async function start(environment: Record<string, string> = {}): Promise<void> {
    trio = await startSentinelTrio({ options: { appendOnly: true } });
    installation = await startWorkers({ LATCHKEY_REDIS_URL: trio.url, ...environment });
  }
  afterEach(async () => {
    await installation?.stop();
    await trio?.remove();
  });

  it('the master is killed: another takes over in seconds, and at most the last second is lost', async () => {
    await start();
    let killedAt = 0;
    await Trial.run(
      installation,
      { operator: true, recoveryMilliseconds: RECOVERY_MILLISECONDS },
      async (trial) => {
        const former = await trio.master();
        const fault = await trial.fault('the master is killed', async () => {
          killedAt = performance.now();
          await former.kill();
          // A vote that nobody wins is held again after twice the failover-timeout: that is the Sentinels' time, not the clients'.
          await eventually('another is master', async () => (await trio.master()) !== former);
        });
        await trial.goesWell();
        expect(trial.firstSuccessAfter(fault.end)).to.be.below(RECOVERY_MILLISECONDS);
        // It comes back as a replica, and nobody notices.
        await former.restart();
      },
      ({ acknowledgedAt }) =>
        acknowledgedAt === undefined || acknowledgedAt < killedAt - UNREPLICATED_MILLISECONDS,
    );
    const { records, lasting } = await scanRedis(trio.servers);
    expect(records).to.be.above(100);
    expect(lasting).to.deep.equal([]);
  });

  it('with redis.wait_replicas nothing that was acknowledged is lost', async () => {
    await start({ LATCHKEY_REDIS_WAIT_REPLICAS: '1' });
    await Trial.run(installation, { recoveryMilliseconds: RECOVERY_MILLISECONDS }, async (trial) => {
      const former = await trio.master();
      await trial.fault('the master is killed', async () => {
        await former.kill();
        await eventually('another is master', async () => (await trio.master()) !== former);
        // Without a replica nothing is acknowledged: that is what was asked for.
        await former.restart();
        // The Sentinels would do so, after a while.
        await former.command('REPLICAOF', '127.0.0.1', (await trio.master()).port);
        await eventually('it is a replica', async () =>
          String(await former.command('INFO', 'replication')).includes('master_link_status:up'),
        );
      });
    });
  });
});
