import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { expect } from 'chai';
import { PostgresServer } from '../database/postgres-server.ts';
import { eventually, type LatchkeyProcess } from '../flows/latchkey-process.ts';
import { logOf } from '../flows/server-log.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { type Installation, startMachines } from './installation.ts';
import { scanRedis } from './records-without-expiry.ts';
import type { ClockOffsets } from './shifted-clock.ts';
import { Trial } from './trial.ts';

/** Longer than a statement may take. */
const OUTAGE_MILLISECONDS = 3000;
const FIVE_MINUTES = 300_000;
const OFFSETS: ClockOffsets = [FIVE_MINUTES, 0, -FIVE_MINUTES, 0];

/** What a machine tells those who ask whether it should get requests. */
async function readiness(machine: LatchkeyProcess): Promise<string> {
  const port = logOf(machine).findLast(({ msg }) => msg === 'listening')?.managementPort;
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
}

/** Four Latchkeys, each with a data directory of its own, that share PostgreSQL and Redis. */
describe('faults of several machines', function () {
  this.timeout(300_000);
  let postgres: PostgresServer;
  let redis: RedisServer;
  let installation: Installation;

  before(async () => {
    [postgres, redis] = await Promise.all([
      PostgresServer.start({ durable: true }),
      RedisServer.start({ appendOnly: true }),
    ]);
    installation = await startMachines({
      LATCHKEY_REDIS_URL: redis.url,
      LATCHKEY_DATABASE_URL: postgres.url(await postgres.createDatabase()),
      LATCHKEY_DATABASE_STATEMENT_TIMEOUT: '2000',
      LATCHKEY_DATABASE_CONNECT_TIMEOUT: '2000',
      LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'shifted-clock.ts')}`,
      TEST_CLOCK_OFFSETS: OFFSETS.join(','),
    });
  });
  after(async () => {
    await installation?.stop();
    await postgres?.remove();
    await redis?.remove();
  });

  const outages: [what: string, begin: () => Promise<void>, end: () => Promise<void>][] = [
    ['stopped and started', () => postgres.stop(), () => postgres.restart()],
    ['killed and started', () => postgres.kill(), () => postgres.restart()],
    ['paused', async () => postgres.pause(), async () => postgres.resume()],
  ];
  for (const [what, begin, end] of outages) {
    it(`PostgreSQL is ${what}: nothing is lost, and all goes well a few seconds after`, async () => {
      await Trial.run(installation, { operator: true }, async (trial) => {
        const fault = await trial.fault(`PostgreSQL is ${what}`, async () => {
          await begin();
          await trial.lasts(OUTAGE_MILLISECONDS);
          await end();
        });
        await trial.goesWell();
        expect(trial.firstSuccessAfter(fault.end)).to.be.below(5000);
      });
    });
  }

  it('the clock of one is five minutes off, both ways, and jumps back: it says so, and ends nobody’s tokens', async () => {
    const machine = installation.all.at(-1) as LatchkeyProcess;
    await Trial.run(
      installation,
      { operator: true },
      async (trial) => {
        for (const direction of ['ahead of', 'behind']) {
          await trial.fault(`the clock is ${direction} the others`, async () => {
            process.kill(machine.pid, 'SIGUSR2');
            await eventually('it says that it is not ready', async () =>
              (await readiness(machine)).includes(`300 s ${direction} the store's`),
            );
            await trial.goesWell();
            process.kill(machine.pid, 'SIGUSR2');
          });
          await eventually('it is ready', async () => !(await readiness(machine)).includes("store's"));
          await trial.goesWell();
        }
      },
      // A code lives for a minute: by the one clock or by the others it is over. Then its person begins again.
      ({ invariant, events }) =>
        !(invariant === 'acknowledged_is_kept' && events.at(-1)?.action === 'redeem'),
    );
  });

  it('nothing that is left is without an expiry', async () => {
    const { records, lasting } = await scanRedis([redis]);
    expect(records).to.be.above(100);
    expect(lasting).to.deep.equal([]);
  });
});
