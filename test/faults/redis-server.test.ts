import { readdirSync, statSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { type Installation, startWorkers } from './installation.ts';
import { scanRedis } from './records-without-expiry.ts';
import { SmallDisk } from './small-disk.ts';
import { Trial } from './trial.ts';
import { killWorkers } from './workers-of.ts';

const KILLS = 4;
/** As much as `everysec` may lose, ms (docs/storage.md). */
const LOST_MILLISECONDS = 1000;

function appendOnlyFile(folder: string): string {
  const files = path.join(folder, 'appendonlydir');
  const [name = ''] = readdirSync(files).filter((file) => file.endsWith('.incr.aof'));
  return path.join(files, name);
}

/** Four workers whose sessions and tokens are in one Redis that writes each command to its disk before it answers. */
describe('faults of one Redis server', function () {
  this.timeout(300_000);
  let disk: SmallDisk;
  let redis: RedisServer;
  let installation: Installation;

  before(async () => {
    disk = SmallDisk.make(64);
    redis = await RedisServer.start({ appendOnly: true, appendFsync: 'always', folder: disk.folder });
    installation = await startWorkers({ LATCHKEY_REDIS_URL: redis.url });
  });
  after(async () => {
    await installation?.stop();
    await redis?.remove();
    disk?.remove();
  });

  it('kill -9 and start, with an append-only file that is always written: nothing acknowledged is lost', async () => {
    await Trial.run(installation, { operator: true }, async (trial) => {
      for (let crash = 0; crash < 2; crash += 1) {
        await trial.fault('Redis is killed', async () => {
          await redis.kill();
          await trial.lasts(500);
          await redis.restart();
        });
        await trial.goesWell();
      }
    });
  });

  it('power cut, with an append-only file that is written every second: what was acknowledged before that is kept', async () => {
    await redis.command('CONFIG', 'SET', 'appendfsync', 'everysec');
    let unsafeSince = 0;
    const { unpromised } = await Trial.run(
      installation,
      { operator: true },
      async (trial) => {
        await trial.lasts(1000);
        unsafeSince = performance.now();
        const file = appendOnlyFile(redis.folder);
        const { size } = statSync(file);
        await trial.lasts(LOST_MILLISECONDS);
        await trial.goesWell();
        await trial.fault('Redis is killed, and its disk has not all that was written', async () => {
          await redis.kill();
          // kill -9 alone loses nothing, since the system has what was written; without power it has what was synced.
          truncateSync(file, size);
          await redis.restart();
        });
      },
      ({ acknowledgedAt }) => acknowledgedAt === undefined || acknowledgedAt < unsafeSince,
    );
    expect(unpromised.length, 'nothing was lost: the measurement is in vain').to.be.above(0);
  });

  it(`kill -9 of ${KILLS} workers, wherever they are in a request: what was acknowledged holds`, async () => {
    await Trial.run(installation, { processesFail: true, operator: true }, (trial) =>
      trial.fault('workers are killed', () => killWorkers(installation.latchkey, KILLS)),
    );
  });

  it('no memory left: writes are refused, nothing is thrown away, and it goes on', async () => {
    await Trial.run(installation, {}, async (trial) => {
      const fault = await trial.fault('maxmemory is reached', async () => {
        await redis.command('CONFIG', 'SET', 'maxmemory', '1mb');
        await eventually('something is refused', () => trial.hasRefused);
        await trial.lasts(1000);
        await redis.command('CONFIG', 'SET', 'maxmemory', '0');
      });
      expect(trial.refusals(fault).count).to.be.above(0);
    });
  });

  it('no disk left for the append-only file: Redis ends or refuses, and it goes on when there is room', async () => {
    for (const policy of ['always', 'everysec']) {
      await redis.command('CONFIG', 'SET', 'appendfsync', policy);
      await Trial.run(installation, {}, async (trial) => {
        const fault = await trial.fault(`the disk is full (appendfsync ${policy})`, async () => {
          disk.fill([redis.pid]);
          try {
            await eventually('something is refused', () => trial.hasRefused);
            await trial.lasts(1000);
          } finally {
            disk.free();
          }
          // With `always` it ends itself rather than promise what it cannot keep: its operator starts it again.
          if (!(await redis.answers())) await redis.restart();
        });
        expect(trial.refusals(fault).count).to.be.above(0);
      });
    }
  });

  it('nothing that is left is without an expiry', async () => {
    const { records, lasting } = await scanRedis([redis]);
    expect(records).to.be.above(100);
    expect(lasting).to.deep.equal([]);
  });
});
