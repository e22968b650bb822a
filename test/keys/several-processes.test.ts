import { expect } from 'chai';
import { sql } from 'kysely';
import { type Database, onClock } from '../../lib/database/database.ts';
import { planKeyChanges } from '../../lib/keys/key-life.ts';
import { holdsLease, releaseLease, takeLease } from '../../lib/keys/lease.ts';
import type { KeySnapshot } from '../../lib/keys/signing-keys.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { announcement, interval, KeyBench, states } from './key-bench.ts';

describeOnEveryStore('signing keys over several processes', (store) => {
  let bench: KeyBench;
  beforeEach(async () => {
    bench = await KeyBench.make(store);
  });
  afterEach(() => bench.close());

  it('make one set when they start at once', async () => {
    const [first, ...others] = await bench.together(bench.processes(4), 'open');
    expect(first).to.have.length(1);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  it('race the schedule without making two keys of one', async () => {
    const processes = bench.processes(3);
    await bench.together(processes, 'open');
    for (const moment of [interval - announcement, announcement]) {
      bench.now += moment;
      await bench.together(processes, 'advance');
    }
    const [first, ...others] = await bench.together(processes, 'advance');
    expect((first as { state: string }[]).map(({ state }) => state)).to.deep.equal(['active', 'retired']);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  it('race on demand without making two keys of one', async () => {
    const processes = bench.processes(3);
    await bench.together(processes, 'open');
    const outcomes = await bench.together(processes, 'rotate');
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome))).size).to.equal(1);
    const withdrawals = (await bench.together(processes, 'retire-active')) as { outcome: string }[];
    expect(withdrawals.map(({ outcome }) => outcome).sort()).to.deep.equal([
      'refused',
      'refused',
      'withdrawn',
    ]);
    const [keys] = (await bench.together(processes, 'advance')) as { state: string }[][];
    expect(keys?.map(({ state }) => state)).to.deep.equal(['active']);
  });

  it('notice by themselves what another changed, and tell their listeners', async () => {
    const [one, two] = [await bench.open(), await bench.open()];
    const noticed = new Promise<KeySnapshot>((resolve) => two.onChange(resolve));
    two.start();
    await one.rotate({});
    expect((await noticed).keys.map(({ state }) => state)).to.deep.equal(['active', 'announced']);
    expect(two.snapshot()).to.equal(await noticed);
  });

  it('rotate by themselves once started', async () => {
    const keys = await bench.open();
    const changed = new Promise<void>((resolve) => keys.onChange(() => resolve()));
    keys.start();
    bench.now += interval - announcement;
    await changed;
    expect(states(keys)).to.deep.equal(['active ES256', 'announced ES256']);
  });

  it('stop telling a listener that went away', async () => {
    const keys = await bench.open();
    let calls = 0;
    keys.onChange(() => {
      calls += 1;
    })();
    await keys.rotate({});
    expect(calls).to.equal(0);
  });

  describe('by a lease', () => {
    const wanted = (holder: string) => ({ name: 'job', holder, duration: 1_000 });
    const openOnClock = async () => onClock(await bench.database(), () => bench.now);

    it('have one leader, and a new one with a higher fencing token when it died', async () => {
      const database = await openOnClock();
      const { query } = database;
      const first = await takeLease(database, wanted('one'));
      expect(await takeLease(database, wanted('two'))).to.equal(undefined);
      bench.now += 1_000;
      const second = await takeLease(database, wanted('two'));
      if (first === undefined || second === undefined) throw new Error('no lease');
      expect(second.fencingToken).to.be.greaterThan(first.fencingToken);
      expect(await holdsLease(query, first, bench.now)).to.equal(false);
      expect(await holdsLease(query, second, bench.now)).to.equal(true);
      await releaseLease(query, first);
      expect(await holdsLease(query, second, bench.now), 'a late release ends nobody else').to.equal(true);
      await releaseLease(query, second);
      expect(await takeLease(database, wanted('one'))).to.include({ fencingToken: second.fencingToken + 1 });
    });

    it('wait while another leads, and change nothing when they lost it in the middle', async () => {
      const keys = await bench.open();
      const other = await openOnClock();
      bench.now += interval - announcement;
      const lease = { name: 'signing-keys', holder: 'other' };
      await takeLease(other, { ...lease, duration: 30_000 });
      await keys.advance();
      expect(states(keys), 'another leads').to.deep.equal(['active ES256']);

      bench.now += 30_000;
      const database = await bench.database();
      // Paused between the step before its transaction and this one, until its lease has run out and another has it.
      let overtaken = false;
      let begun = 0;
      const slow: Database = Object.create(database, {
        transaction: {
          value: async (work: Parameters<Database['transaction']>[0]) => {
            begun += 1;
            if (begun === 2) {
              bench.now += 30_000;
              await other.query
                .updateTable('leases')
                .set({
                  holder: 'other',
                  fencing_token: sql`fencing_token + 1`,
                  expires_at: bench.now + 30_000,
                })
                .execute();
              overtaken = true;
            }
            return database.transaction(work);
          },
        },
      });
      const paused = await bench.open({ database: slow });
      await paused.advance();
      expect(overtaken, 'it was overtaken').to.equal(true);
      expect(states(paused), 'its fencing token is old').to.deep.equal(['active ES256']);

      bench.now += 30_000;
      await keys.advance();
      expect(states(keys), 'taken over').to.deep.equal(['active ES256', 'announced ES256']);
    });
  });

  it('plan nothing twice: what was applied is not due again', () => {
    const rules = {
      algorithms: ['ES256' as const],
      rotationInterval: 10,
      announcement: 2,
      verification: 5,
      external: new Map<string, string>(),
    };
    const record = {
      kid: 'a',
      algorithm: 'ES256',
      state: 'active' as const,
      createdAt: 0,
      activatesAt: 0,
      activatedAt: 0,
      retiredAt: null,
      expiresAt: null,
      externalKey: null,
    };
    expect(planKeyChanges([record], rules, 7)).to.deep.equal([]);
    expect(planKeyChanges([record], rules, 8)).to.deep.equal([
      { change: 'announce', algorithm: 'ES256', activatesAt: 10 },
    ]);
    const successor = {
      ...record,
      kid: 'b',
      state: 'announced' as const,
      createdAt: 8,
      activatesAt: 10,
      activatedAt: null,
    };
    expect(planKeyChanges([record, successor], rules, 9)).to.deep.equal([]);
    expect(planKeyChanges([record, successor], rules, 10)).to.deep.equal([
      { change: 'activate', kid: 'b' },
      { change: 'retire', kid: 'a', expiresAt: 15 },
    ]);
  });
});
