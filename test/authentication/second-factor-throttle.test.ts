import { expect } from 'chai';
import { SecondFactorThrottle } from '../../lib/authentication/throttling/second-factor-throttle.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { MovableClock, ThrottleBench } from './throttle-bench.ts';

const LIMITS = { perAddress: 3, window: 900, perDay: 10 };
const DAY = 86_400;
const HOME = '203.0.113.7';

describe('guesses at the codes of a second step', () => {
  let bench: ThrottleBench;
  let clock: MovableClock;
  let database: Database;
  let counters: SqliteThrottleCounters;

  beforeEach(async () => {
    bench = new ThrottleBench();
    clock = new MovableClock();
    database = await openDatabase({ dataDir: bench.dataDir, encryptionKey: [] });
    counters = new SqliteThrottleCounters(database);
  });
  afterEach(async () => {
    clock.restore();
    await database.close();
    await bench.close();
  });

  /** As another process would have it. */
  const throttle = () => new SecondFactorThrottle({ counters, database, configuration: LIMITS });
  const outcomes = async (sub: string, addresses: string[]): Promise<string[]> => {
    const told: string[] = [];
    for (const address of addresses) told.push((await throttle().admit(sub, address)).outcome);
    return told;
  };
  const elsewhere = (count: number) => Array.from({ length: count }, (_, index) => `198.51.100.${index + 1}`);

  it('wait at one address after a few, for the rest of the window, and hold up nobody else', async () => {
    expect(await outcomes('ada', Array(4).fill(HOME))).to.deep.equal([
      ...Array(3).fill('admitted'),
      'throttled',
    ]);
    expect(await outcomes('grace', [HOME])).to.deep.equal(['admitted']);
    expect(await outcomes('ada', ['198.51.100.1'])).to.deep.equal(['admitted']);
    const admittance = await throttle().admit('ada', HOME);
    expect(admittance).to.include({ outcome: 'throttled', retryAfter: LIMITS.window });
    clock.advance(LIMITS.window);
    expect(await outcomes('ada', [HOME])).to.deep.equal(['admitted']);
  });

  it('from everywhere end for the day, but not where the person has taken the step before', async () => {
    const home = await throttle().admit('ada', HOME);
    if (home.outcome !== 'admitted') throw new Error(home.outcome);
    await home.wasRight();
    const told = await outcomes('ada', elsewhere(11));
    expect(told).to.deep.equal([...Array(10).fill('admitted'), 'throttled']);
    expect(await outcomes('ada', [HOME])).to.deep.equal(['admitted']);
    clock.advance(DAY);
    expect(await outcomes('ada', elsewhere(1))).to.deep.equal(['admitted']);
  });

  it('count before they are judged: many at once get no further', async () => {
    const told = await Promise.all(Array.from({ length: 9 }, () => throttle().admit('ada', HOME)));
    expect(told.filter(({ outcome }) => outcome === 'admitted')).to.have.lengthOf(3);
  });

  it('that were right are given back', async () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const admittance = await throttle().admit('ada', HOME);
      if (admittance.outcome !== 'admitted') throw new Error(admittance.outcome);
      await admittance.wasRight();
    }
    expect(await outcomes('ada', Array(4).fill(HOME))).to.deep.equal([
      ...Array(3).fill('admitted'),
      'throttled',
    ]);
  });
});
