import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { isAlive, logOf, pause } from '../flows/server-log.ts';
import { type Installation, startWorkers } from './installation.ts';
import { scanSqlite } from './records-without-expiry.ts';
import { SmallDisk } from './small-disk.ts';
import { Trial, type TrialOptions } from './trial.ts';
import { allListen, killWorkers, workersOf } from './workers-of.ts';

const KILLS = 5;
/** Keys rotate all the time, so that each trial is one of that as well. */
const KEY_SET_SECONDS = 2;
const ROTATION_SECONDS = 8;
/** What a killed leader held is free after this (lib/keys/key-changes.ts), ms. */
const LEASE_MILLISECONDS = 30_000;
/** A worker that is silent is killed after ten seconds, looked at every second (lib/processes/supervisor.ts), ms. */
const HUNG_MILLISECONDS = 12_000;
const ROLLS = 3;

/** Four workers over SQLite on a disk of their own. */
describe('faults of worker processes and their disk', function () {
  this.timeout(480_000);
  let disk: SmallDisk;
  let dataDir: string;
  let installation: Installation;
  let leaderKilledAt = 0;

  before(async () => {
    disk = SmallDisk.make(64);
    dataDir = path.join(disk.folder, 'data');
    installation = await startWorkers({
      LATCHKEY_DATA_DIR: dataDir,
      LATCHKEY_KEYS_JWKS_MAX_AGE: String(KEY_SET_SECONDS),
      LATCHKEY_KEYS_ANNOUNCE_MARGIN: '1',
      LATCHKEY_KEYS_ROTATION_INTERVAL: String(ROTATION_SECONDS),
    });
  });
  after(async () => {
    await installation?.stop();
    disk?.remove();
  });

  const living = (): number[] => workersOf(installation.latchkey);

  /** The keys are checked in each: those of a client who keeps the set as long as it may. */
  const run = (options: TrialOptions, breaking: (trial: Trial) => Promise<unknown>) =>
    Trial.run(installation, { keySetMilliseconds: KEY_SET_SECONDS * 1000, ...options }, breaking);

  it('no fault: nothing fails, and everything is kept', async () => {
    const { trial } = await run({ operator: true }, (running) => running.goesWell(10));
    expect(trial.load.history.successes('redeem').length).to.be.above(10);
  });

  it('whoever is making keys is killed: no token is signed by a key that nobody was told of', async () => {
    const database = new DatabaseSync(path.join(dataDir, 'latchkey.db'), { readOnly: true });
    try {
      const lease = database.prepare('SELECT expires_at FROM leases WHERE name = ? AND expires_at > ?');
      const isHeld = () => lease.get('signing-keys', Date.now()) !== undefined;
      /** Stops all where they are; whoever makes keys may be quicker, and then they go on. */
      const standStill = async (): Promise<boolean> => {
        if (!isHeld()) return false;
        const workers = living();
        await Promise.all(workers.map(pause));
        if (isHeld()) return true;
        for (const pid of workers) process.kill(pid, 'SIGCONT');
        return false;
      };
      await run({ processesFail: true }, (trial) =>
        trial.fault('the workers are killed, the leader among them', async () => {
          await eventually('one stands still that makes keys', standStill, 10 * ROTATION_SECONDS * 1000);
          for (const pid of living()) process.kill(pid, 'SIGKILL');
          leaderKilledAt = Date.now();
          await eventually('they are gone', () => living().length === 0);
          expect(isHeld(), 'it had made them').to.equal(true);
          await allListen(installation.latchkey);
        }),
      );
    } finally {
      database.close();
    }
  });

  it(`kill -9 of ${KILLS} workers, wherever they are in a request: what was acknowledged holds`, async () => {
    await run({ processesFail: true, operator: true }, (trial) =>
      trial.fault('workers are killed', () => killWorkers(installation.latchkey, KILLS)),
    );
  });

  it('a worker is paused: it is replaced, and whoever waited for it asks another', async () => {
    await run({ processesFail: true }, (trial) =>
      trial.fault('a worker is paused', async () => {
        const victim = living()[0] as number;
        process.kill(victim, 'SIGSTOP');
        await eventually('it is replaced', () => !isAlive(victim), HUNG_MILLISECONDS + 30_000);
        await allListen(installation.latchkey);
      }),
    );
  });

  it('no disk left for the database: 503 and nothing lost, and all goes well when there is room', async () => {
    const reader = new DatabaseSync(path.join(dataDir, 'latchkey.db'), { readOnly: true });
    try {
      await run({}, async (trial) => {
        await trial.fault(`the disk is full (${disk.how})`, async () => {
          // Whoever reads keeps the log beside the database from being begun anew: it has to grow for what is written.
          reader.exec('BEGIN; SELECT count(*) FROM leases');
          disk.fill(living());
          try {
            await eventually('something is refused', () => trial.hasRefused, 60_000);
            await trial.lasts(1500);
          } finally {
            disk.free();
            reader.exec('COMMIT');
          }
        });
      });
    } finally {
      reader.close();
    }
  });

  it(`a rolling restart, ${ROLLS} times: not one request fails`, async () => {
    const { trial } = await run({}, async (running) => {
      for (let roll = 0; roll < ROLLS; roll += 1) {
        const before = living();
        process.kill(installation.latchkey.pid, 'SIGHUP');
        await eventually('all are replaced', () => !before.some(isAlive), 300_000);
        await running.goesWell();
      }
    });
    // No fault was announced, so the check has refused every failure; and there was a load.
    expect(trial.load.history.successes('refresh').length).to.be.above(20);
  });

  it('another has gone on making keys since', async () => {
    const announced = () =>
      logOf(installation.latchkey).filter(
        ({ msg, time }) => msg === 'signing key announced' && Date.parse(String(time)) > leaderKilledAt,
      );
    await eventually('keys are made again', () => announced().length >= 2, LEASE_MILLISECONDS + 60_000);
  });

  it('nothing that is left is without an expiry', () => {
    const { records, lasting } = scanSqlite(dataDir);
    expect(records).to.be.above(100);
    expect(lasting).to.deep.equal([]);
  });
});
