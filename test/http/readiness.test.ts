import { expect } from 'chai';
import { ClockWatch } from '../../lib/http/transport/clock-skew.ts';
import { NotReady, Readiness } from '../../lib/http/transport/readiness.ts';
import { createLog } from '../../lib/observability/log.ts';

class StoreTrouble extends Error {}

describe('readiness', () => {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('info', { write: (line) => lines.push(JSON.parse(line)) });
  const readinessOf = (checks: Record<string, () => unknown>) =>
    new Readiness({ checks, isTellable: (error) => error instanceof StoreTrouble, log });
  beforeEach(() => lines.splice(0));

  it('tells of every check whether it passed, in words that are fit to be told', async () => {
    const readiness = readinessOf({
      good: () => 'anything',
      late: async () => {},
      keys: () => {
        throw new NotReady('there is no active key for ES256');
      },
      store: () => Promise.reject(new StoreTrouble('the store does not answer')),
      bug: () => Promise.reject(new TypeError('SECRET is undefined')),
    });
    expect(await readiness.judge()).to.deep.equal([
      { name: 'good', problem: undefined },
      { name: 'late', problem: undefined },
      { name: 'keys', problem: 'there is no active key for ES256' },
      { name: 'store', problem: 'the store does not answer' },
      { name: 'bug', problem: 'it failed; the log tells why' },
    ]);
  });

  it('does not wait for a check that hangs', async () => {
    const readiness = readinessOf({ hangs: () => new Promise(() => {}) });
    expect(await readiness.judge()).to.deep.equal([{ name: 'hangs', problem: 'it does not answer in time' }]);
  }).timeout(60_000);

  it('runs each check once for all who ask at the same time', async () => {
    let runs = 0;
    const readiness = readinessOf({ counted: () => (runs += 1) });
    await Promise.all([readiness.judge(), readiness.judge(), readiness.judge()]);
    expect(runs).to.equal(1);
    await readiness.judge();
    expect(runs).to.equal(2);
  });

  it('logs what changes, not every time that somebody asks', async () => {
    let isBroken = true;
    const readiness = readinessOf({
      store: () => {
        if (isBroken) throw new NotReady('it is down');
      },
    });
    for (let count = 0; count < 3; count += 1) await readiness.judge();
    isBroken = false;
    for (let count = 0; count < 3; count += 1) await readiness.judge();
    expect(lines.map(({ msg, check }) => [msg, check])).to.deep.equal([
      ['not ready', 'store'],
      ['ready again', 'store'],
    ]);
  });
});

describe('the clock check', () => {
  const skewed = (seconds: number) => () => Date.now() - seconds * 1000;

  async function problemWith(...skews: number[]): Promise<string | undefined> {
    const watch = new ClockWatch(skews.map(skewed));
    try {
      await watch.check();
      return undefined;
    } catch (error) {
      expect(error).to.be.instanceOf(NotReady);
      return (error as Error).message;
    }
  }

  it('passes without stores of other machines, and while clocks differ by seconds', async () => {
    expect(await problemWith()).to.equal(undefined);
    expect(await problemWith(5, -9)).to.equal(undefined);
  });

  it('fails when the clocks differ by more, and says which is ahead', async () => {
    expect(await problemWith(300)).to.match(/300 s ahead of the store/);
    expect(await problemWith(0, -300)).to.match(/300 s behind the store/);
  });

  it('does not count how long the store takes to answer', async () => {
    const watch = new ClockWatch([
      async () => {
        const asked = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 200));
        // As a store does: by its clock in the middle of the round trip.
        return (asked + Date.now()) / 2;
      },
    ]);
    await watch.check();
    expect(Math.abs(watch.skew)).to.be.below(0.1);
  });
});
