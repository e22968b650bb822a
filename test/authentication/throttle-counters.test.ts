import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { openThrottleCounters } from '../../lib/authentication/throttling/open-throttle-counters.ts';
import type {
  Count,
  CounterKey,
  Taken,
  Taking,
  ThrottleCounters,
} from '../../lib/authentication/throttling/throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisBench, troubleOf } from '../redis/redis-bench.ts';
import { RedisServer, startRedisCluster } from '../redis/redis-servers.ts';

/** Where counters are kept, and as many openings of them as a test wants: each is what one process has. */
interface Place {
  open(): Promise<ThrottleCounters>;
  close(): Promise<void>;
}

async function sqlitePlace(): Promise<Place> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-counters-'));
  const opened: (() => Promise<void>)[] = [];
  return {
    open: async () => {
      const database = await openDatabase({ dataDir, encryptionKey: [] });
      const counters = openThrottleCounters({ database, redis: undefined });
      opened.push(() => database.close());
      return counters;
    },
    close: async () => {
      for (const close of opened.splice(0)) await close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function redisPlace(start: () => Promise<{ url: string; remove(): Promise<void> }>): Promise<Place> {
  const server = await start();
  const bench = new RedisBench();
  const database = {} as Parameters<typeof openThrottleCounters>[0]['database'];
  return {
    open: async () => openThrottleCounters({ database, redis: await bench.open(server.url) }),
    close: async () => {
      await bench.close();
      await server.remove();
    },
  };
}

const places: [name: string, open: () => Promise<Place>][] = [
  ['SQLite', sqlitePlace],
  ['Redis', () => redisPlace(() => RedisServer.start())],
  ['a Redis Cluster', () => redisPlace(() => startRedisCluster())],
];

for (const [name, openPlace] of places) {
  describe(`throttle counters in ${name}`, function () {
    this.timeout(60_000);
    let place: Place;
    let counters: ThrottleCounters;
    let other: ThrottleCounters;
    let serial = 0;

    before(async () => {
      place = await openPlace();
      counters = await place.open();
      other = await place.open();
    });
    after(() => place?.close());

    /** Keys that no other test has, all of one group. */
    function keys(count: number): CounterKey[] {
      serial += 1;
      return Array.from({ length: count }, (_, index) => ({
        group: `group-${serial}`,
        name: `name-${serial}-${index}`,
      }));
    }
    const taking = (key: CounterKey, limit = 5, seconds = 900): Taking => ({ key, limit, seconds });
    function countsOf(taken: Taken): Count[] {
      if (taken.outcome !== 'taken') throw new Error(`counter ${taken.index} is full`);
      return taken.counts;
    }
    const pointsOf = async (key: CounterKey): Promise<number> => (await other.get(key))?.points ?? 0;

    it('count what every process adds, and end a time after the first', async () => {
      const [key] = keys(1) as [CounterKey];
      expect(await counters.get(key)).to.equal(undefined);
      const [first] = countsOf(await counters.take([taking(key)])) as [Count];
      const [second] = countsOf(await other.take([taking(key, 5, 5000)])) as [Count];
      expect([first.points, second.points]).to.deep.equal([1, 2]);
      expect(first.millisecondsLeft).to.be.within(899_000, 900_001);
      expect(second.millisecondsLeft).to.be.within(890_000, first.millisecondsLeft + 1);
      expect(await counters.get(key)).to.include({ points: 2 });
    });

    it('add to all of a group or to none, and say which is full and for how long', async () => {
      const [one, two, three] = keys(3) as [CounterKey, CounterKey, CounterKey];
      await counters.take([taking(two, 1, 100)]);
      const taken = await other.take([taking(one), taking(two, 1, 100), taking(three)]);
      expect(taken).to.include({ outcome: 'full', index: 1 });
      expect((taken as { millisecondsLeft: number }).millisecondsLeft).to.be.within(90_000, 100_001);
      expect([await pointsOf(one), await pointsOf(two), await pointsOf(three)]).to.deep.equal([0, 1, 0]);
    });

    it('let no more through at once than one after another', async () => {
      const [key] = keys(1) as [CounterKey];
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, index) => (index % 2 ? counters : other).take([taking(key, 20)])),
      );
      expect(outcomes.filter(({ outcome }) => outcome === 'taken').length).to.equal(20);
      expect(await pointsOf(key)).to.equal(20);
    });

    it('give back what was taken, never below nothing', async () => {
      const [one, two] = keys(2) as [CounterKey, CounterKey];
      const counts = countsOf(await counters.take([taking(one), taking(two)]));
      await counters.take([taking(two)]);
      const taken = [one, two].map((key, index) => ({ key, count: counts[index] as Count }));
      await other.giveBack(taken);
      expect([await pointsOf(one), await pointsOf(two)]).to.deep.equal([0, 1]);
      await Promise.all([other.giveBack(taken), counters.giveBack(taken)]);
      expect([await pointsOf(one), await pointsOf(two)]).to.deep.equal([0, 0]);
    });

    it('give back counters of several groups', async () => {
      const [one] = keys(1) as [CounterKey];
      const [two] = keys(1) as [CounterKey];
      const taken = [
        { key: one, count: countsOf(await counters.take([taking(one)]))[0] as Count },
        { key: two, count: countsOf(await counters.take([taking(two)]))[0] as Count },
      ];
      await counters.giveBack(taken);
      expect([await pointsOf(one), await pointsOf(two)]).to.deep.equal([0, 0]);
    });

    it('end, and what is given back later is no credit in what follows', async () => {
      const [key] = keys(1) as [CounterKey];
      const [ended] = countsOf(await counters.take([taking(key, 1, 1)])) as [Count];
      expect(await counters.take([taking(key, 1, 1)])).to.include({ outcome: 'full' });
      await eventually('it has ended', async () => (await other.get(key)) === undefined);
      const [next] = countsOf(await other.take([taking(key)])) as [Count];
      expect(next.points).to.equal(1);
      await counters.giveBack([{ key, count: ended }]);
      expect(await pointsOf(key)).to.equal(1);
    });

    it('are set, and removed once', async () => {
      const [key] = keys(1) as [CounterKey];
      await counters.set(key, 7, 900);
      expect(await other.get(key)).to.include({ points: 7 });
      await counters.set(key, 3, 60);
      const count = await other.get(key);
      expect(count).to.include({ points: 3 });
      expect(count?.millisecondsLeft).to.be.within(50_000, 60_001);
      const removals = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 ? counters : other).remove(key)),
      );
      expect(removals.filter(Boolean).length).to.equal(1);
      expect(await other.get(key)).to.equal(undefined);
    });

    it('are not there any more for whoever removes one that has ended', async () => {
      const [key] = keys(1) as [CounterKey];
      await counters.set(key, 7, 0.05);
      await eventually('it has ended', async () => (await other.get(key)) === undefined);
      expect(await counters.remove(key)).to.equal(false);
    });

    it('take no limit for a limit', async () => {
      const [key] = keys(1) as [CounterKey];
      await counters.set(key, 1_000_000, 900);
      const [count] = countsOf(await counters.take([taking(key, Number.POSITIVE_INFINITY)])) as [Count];
      expect(count.points).to.equal(1_000_001);
    });
  });
}

describe('throttle counters in a Redis that was restarted, or is in trouble', () => {
  let server: RedisServer;
  let bench: RedisBench;
  const key = { group: 'g', name: 'n' };

  beforeEach(async () => {
    server = await RedisServer.start({ appendOnly: true });
    bench = new RedisBench();
  });
  afterEach(async () => {
    await bench.close();
    await server.remove();
  });

  it('are still there, with their end, and each has an expiry', async () => {
    const database = {} as Parameters<typeof openThrottleCounters>[0]['database'];
    const counters = openThrottleCounters({ database, redis: await bench.open(server.url) });
    await counters.take([{ key, limit: 5, seconds: 900 }]);
    await counters.set({ group: 'g', name: 'other' }, 1, 900);
    await server.kill();
    await server.restart();
    const again = openThrottleCounters({ database, redis: await bench.open(server.url) });
    expect(await again.get(key)).to.include({ points: 1 });
    const names = (await server.command('KEYS', '*:throttle:*')) as string[];
    expect(names).to.have.length(2);
    for (const name of names) expect(await server.command('PTTL', name)).to.be.within(1, 900_000);
  });

  it('say that the store is in trouble', async () => {
    const database = {} as Parameters<typeof openThrottleCounters>[0]['database'];
    const counters = openThrottleCounters({ database, redis: await bench.open(server.url) });
    await server.kill();
    await troubleOf(() => counters.take([{ key, limit: 5, seconds: 900 }]));
    await troubleOf(() => counters.get(key));
    await troubleOf(() => counters.remove(key));
  });
});

describe('throttle counters in SQLite, while another process writes', () => {
  const taking = { key: { group: 'login', name: 'login:waiting' }, limit: 2, seconds: 60 };
  let dataDir: string;
  let database: Database;
  let counters: ThrottleCounters;
  let writer: DatabaseSync;

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-counters-'));
    database = await openDatabase({ dataDir, encryptionKey: [] });
    counters = openThrottleCounters({ database, redis: undefined });
    writer = new DatabaseSync(join(dataDir, 'latchkey.db'));
    writer.exec('BEGIN IMMEDIATE');
  });

  afterEach(async () => {
    writer.close();
    await database.close();
    rmSync(dataDir, { recursive: true });
  });

  it('wait for it without stopping this process', async () => {
    const taken = counters.take([taking]);
    const first = await Promise.race([taken, sleep(50, 'still waiting')]);
    expect(first).to.equal('still waiting');
    const meanwhile = counters.take([taking]);
    writer.exec('COMMIT');
    const counted = (await Promise.all([taken, meanwhile])).map((each) =>
      each.outcome === 'taken' ? each.counts.map(({ points }) => points) : each.outcome,
    );
    expect(counted).to.deep.equal([[1], [2]]);
  });

  it('are unavailable when it takes long, and count again afterwards', async () => {
    const error = await counters.take([taking]).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(DatabaseUnavailable);
    writer.exec('COMMIT');
    expect(await counters.take([taking])).to.have.property('outcome', 'taken');
  }).timeout(20_000);
});
