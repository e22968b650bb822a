import { expect } from 'chai';
import { MailLinkThrottle } from '../../lib/authentication/throttling/mail-link-throttle.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import type { ThrottleCounters } from '../../lib/authentication/throttling/throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { MovableClock, ThrottleBench } from './throttle-bench.ts';

const HERE = '203.0.113.7';
const LIMITS = { perRecipient: 3, perAddress: 10, window: 3600 };

describe('mail that strangers can cause', () => {
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

  const open = (using: ThrottleCounters = counters) =>
    new MailLinkThrottle({ counters: using, database, configuration: LIMITS, log: createLog('silent') });

  it('to one person ends after a few, in whatever spelling, and begins anew with the next window', async () => {
    const outcomes = async (logins: string[]): Promise<string[]> => {
      const told: string[] = [];
      for (const login of logins)
        told.push((await open().admit(login, `198.51.100.${told.length + 1}`)).outcome);
      return told;
    };
    expect(
      await outcomes(['Ada@example.com', 'ada@EXAMPLE.com', ' \uFF41da@example.com', 'ada@example.com']),
    ).to.deep.equal(['admitted', 'admitted', 'admitted', 'recipient_full']);
    expect(await outcomes(['bob@example.com', 'not\0one', 'not\0one'])).to.deep.equal(
      Array(3).fill('admitted'),
    );
    clock.advance(LIMITS.window);
    expect(await outcomes(['ada@example.com'])).to.deep.equal(['admitted']);
  });

  it('from one address ends for all of its subscriber, with the time to wait', async () => {
    for (let index = 0; index < LIMITS.perAddress; index += 1) {
      expect((await open().admit(`person${index}@example.com`, HERE)).outcome).to.equal('admitted');
    }
    const refused = await open().admit('another@example.com', HERE);
    expect(refused).to.include({ outcome: 'throttled' });
    expect((refused as { retryAfter: number }).retryAfter).to.be.within(1, LIMITS.window);
    expect((await open().admit('another@example.com', '198.51.100.9')).outcome).to.equal('admitted');
  });

  it('is not sent while it cannot be counted', async () => {
    const failing = new Proxy<ThrottleCounters>(counters, {
      get: () => () => Promise.reject(new Error('the store is down')),
    });
    expect((await open(failing).admit('ada@example.com', HERE)).outcome).to.equal('unavailable');
  });
});
