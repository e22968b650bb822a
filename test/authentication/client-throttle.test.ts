import { expect } from 'chai';
import { ClientThrottle } from '../../lib/authentication/throttling/client-throttle.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import type { ThrottleCounters } from '../../lib/authentication/throttling/throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { MovableClock, ThrottleBench } from './throttle-bench.ts';

const HERE = '203.0.113.7';
const ELSEWHERE = '198.51.100.9';
const LIMITS = { perClient: 20, perAddress: 200, window: 900 };

describe('client throttle', () => {
  let bench: ThrottleBench;
  let clock: MovableClock;
  let database: Database;
  let counters: SqliteThrottleCounters;
  let calls: number;
  let failing: boolean;
  let lines: string[];
  let throttle: ClientThrottle;

  /** What another process on the same store has. */
  function open(configuration = LIMITS): ClientThrottle {
    const counted = new Proxy<ThrottleCounters>(counters, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...words: unknown[]) => unknown;
        return (...words: unknown[]) => {
          calls += 1;
          return failing ? Promise.reject(new Error('the store is down')) : method.apply(target, words);
        };
      },
    });
    const log = createLog('trace', { write: (line: string) => lines.push(line) });
    return new ClientThrottle({ counters: counted, database, configuration, log });
  }

  beforeEach(async () => {
    bench = new ThrottleBench();
    clock = new MovableClock();
    database = await openDatabase({ dataDir: bench.dataDir, encryptionKey: [] });
    counters = new SqliteThrottleCounters(database);
    calls = 0;
    failing = false;
    lines = [];
    throttle = open();
  });
  afterEach(async () => {
    clock.restore();
    await database.close();
    await bench.close();
  });

  const outcome = (client: string, address = HERE, by = throttle): string =>
    by.admit(client, address).outcome;
  /** Guesses differently each time, as often as told, or until told to wait; answers how many were judged. */
  async function guess(
    times: number,
    options: {
      client?: (index: number) => string;
      address?: string;
      by?: ClientThrottle;
      name?: string;
    } = {},
  ): Promise<number> {
    const { client = () => 'app', address = HERE, by = throttle, name = 'guess' } = options;
    for (let index = 0; index < times; index += 1) {
      if (outcome(client(index), address, by) === 'throttled') return index;
      await by.failed(client(index), address, `${name}-${index}`);
    }
    return times;
  }

  it('makes a client at its address wait after twenty different failures, and no longer than a window', async () => {
    expect(await guess(50)).to.equal(20);
    const admittance = throttle.admit('app', HERE);
    expect(admittance.outcome === 'throttled' && admittance.retryAfter).to.be.within(890, 900);
    clock.advance(901);
    expect(outcome('app')).to.equal('admitted');
  });

  it('lets that client go on elsewhere, and others at that address', async () => {
    await guess(50);
    expect(outcome('app', ELSEWHERE)).to.equal('admitted');
    expect(outcome('another')).to.equal('admitted');
  });

  it('does not take one wrong credential, sent again and again, for guessing', async () => {
    for (let index = 0; index < 500; index += 1) await throttle.failed('app', HERE, 'the former secret');
    expect(outcome('app')).to.equal('admitted');
    expect(calls).to.be.below(10);
    const another = open();
    for (let index = 0; index < 500; index += 1) await another.failed('app', HERE, 'the former secret');
    expect(await guess(50, { by: another })).to.equal(19);
  });

  it('ends a walk through many clients, but for those that have succeeded at that address', async () => {
    throttle.succeeded('honest', HERE);
    expect(await guess(500, { client: (index) => `client-${index}` })).to.equal(200);
    expect(outcome('app')).to.equal('throttled');
    expect(outcome('honest')).to.equal('admitted');
    expect(outcome('app', ELSEWHERE)).to.equal('admitted');
    expect(await guess(50, { client: () => 'honest' })).to.equal(20);
  });

  it('takes an IPv6 /64 for one address', async () => {
    for (let index = 0; index < 20; index += 1) {
      await throttle.failed('app', `2001:db8:1:1::${index.toString(16)}`, `guess-${index}`);
    }
    expect(outcome('app', '2001:db8:1:1:ffff::1')).to.equal('throttled');
    expect(outcome('app', '2001:db8:1:2::1')).to.equal('admitted');
  });

  it('asks no store about clients that succeed, also while others fail', async () => {
    await guess(50, { address: ELSEWHERE });
    const before = calls;
    for (let index = 0; index < 1000; index += 1) {
      expect(outcome('app')).to.equal('admitted');
      throttle.succeeded('app', HERE);
    }
    expect(calls).to.equal(before);
  });

  it('never makes a busy client wait that fails now and then', async () => {
    for (let hour = 0; hour < 10; hour += 1) {
      for (let index = 0; index < 200; index += 1) {
        expect(outcome('app')).to.equal('admitted');
        throttle.succeeded('app', HERE);
      }
      await guess(19, { name: `typo-${hour}` });
      clock.advance(3600);
    }
  });

  it('counts over processes: another one knows with the first failure it sees', async () => {
    const other = open();
    expect(await guess(12)).to.equal(12);
    expect(await guess(12, { by: other, name: 'other' })).to.equal(8);
    expect(outcome('app')).to.equal('admitted');
    await throttle.failed('app', HERE, 'one more');
    expect(outcome('app')).to.equal('throttled');
  });

  it('counts over a restart', async () => {
    expect(await guess(50)).to.equal(20);
    const restarted = open();
    expect(await guess(50, { by: restarted, name: 'again' })).to.equal(1);
  });

  it('knows what was counted before a restart also by a guess that was made before it', async () => {
    expect(await guess(50)).to.equal(20);
    expect(await guess(50, { by: open() })).to.equal(1);
  });

  it('judges no more of a thousand at once than of one after another', async () => {
    let judged = 0;
    await Promise.all(
      Array.from({ length: 1000 }, async (_, index) => {
        if (outcome('app') === 'throttled') return;
        judged += 1;
        await throttle.failed('app', HERE, `guess-${index}`);
      }),
    );
    expect(judged).to.equal(20);
  });

  it('counts alone while the store is in trouble, and says so', async () => {
    failing = true;
    expect(await guess(50)).to.equal(20);
    expect(lines.join()).to.include('the store is in trouble').and.not.include('guess-');
    failing = false;
    expect(await guess(50, { by: open(), name: 'later' })).to.equal(20);
  });

  it('remembers no more than it must under an attack from everywhere', async () => {
    failing = true;
    for (let index = 0; index < 30_000; index += 1) {
      const address = `198.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
      await throttle.failed('app', address, 'guess');
      throttle.succeeded('app', address);
    }
    expect(await guess(50)).to.equal(20);
  });
});
