import { expect } from 'chai';
import { RedisServer } from '../redis/redis-servers.ts';
import { type Installation, startWorkers } from './installation.ts';
import { TcpProxy } from './tcp-proxy.ts';
import { Trial } from './trial.ts';

/** What every command of ours has in it: the beginning of a key. */
const OURS = 'latchkey:';
/** What is promised with the time-out that is the default (redis.command_timeout), ms: until a refusal, and from the end of a pause until all goes well. */
const REFUSAL_MILLISECONDS = 1500;
const RECOVERY_MILLISECONDS = 1000;

/** Four workers and one Redis, between which the network fails. */
describe('faults between Latchkey and Redis', function () {
  this.timeout(240_000);
  let redis: RedisServer;
  let proxy: TcpProxy;
  let installation: Installation;

  before(async () => {
    redis = await RedisServer.start({ appendOnly: true });
    proxy = await TcpProxy.start(redis.port);
    installation = await startWorkers({
      LATCHKEY_REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      LATCHKEY_REDIS_COMMAND_TIMEOUT: '1000',
    });
  });
  after(async () => {
    await installation?.stop();
    await proxy?.close();
    await redis?.remove();
  });

  it('paused: 503 in time, the key set all the while, and all goes well a second after', async () => {
    await Trial.run(installation, { recoveryMilliseconds: RECOVERY_MILLISECONDS }, async (trial) => {
      const fault = await trial.fault('Redis is paused', async () => {
        redis.pause();
        await trial.lasts(3000);
        redis.resume();
      });
      await trial.goesWell();
      const { count, slowest } = trial.refusals(fault);
      expect(count, 'refusals').to.be.above(5);
      expect(slowest, 'the slowest refusal, ms').to.be.below(REFUSAL_MILLISECONDS);
      expect(trial.firstSuccessAfter(fault.end)).to.be.below(RECOVERY_MILLISECONDS);
    });
  });

  it('cut off, with connections that stay open and with connections that are refused', async () => {
    await Trial.run(installation, { operator: true }, async (trial) => {
      for (const how of ['mute', 'refuse'] as const) {
        await trial.fault(`Redis is cut off (${how})`, async () => {
          await proxy.partition(how);
          await trial.lasts(2000);
          await proxy.heal();
        });
        await trial.goesWell();
      }
    });
  });

  it('slow: what takes a third of a second is waited for, and nothing fails', async () => {
    await Trial.run(installation, {}, async (trial) => {
      proxy.slowDown(150);
      await trial.goesWell().finally(() => proxy.slowDown(0));
    });
  });

  it('answers that are lost after their command was executed, before it, and in the middle', async () => {
    await Trial.run(installation, {}, async (trial) => {
      await trial.fault('answers are lost', async () => {
        for (let turn = 0; turn < 8; turn += 1) {
          for (const point of ['after', 'before', 'middle'] as const) {
            const connection = turn % 4 === 3 ? 'mute' : 'cut';
            await proxy.lose(OURS, { point, connection }, turn);
          }
          await trial.goesWell(1);
        }
      });
    });
  });
});
