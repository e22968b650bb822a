import { expect } from 'chai';
import { createLog } from '../../lib/observability/log.ts';
import { engineSuccession } from '../../lib/provider/engine/engine-succession.ts';
import { eventually } from '../flows/latchkey-process.ts';

describe('the succession of engines', () => {
  /** Engines that are numbers, made when `make` says so; the test changes the keys. */
  async function succession(make: (attempt: number) => Promise<number>) {
    let attempts = 0;
    let change = (): void => {};
    const host = await engineSuccession({
      make: () => {
        attempts += 1;
        return make(attempts);
      },
      keys: {
        onChange: (listener) => {
          change = () => listener({ revision: 0, keys: [] });
          return () => {
            change = () => {};
          };
        },
      },
      apis: undefined,
      log: createLog('silent'),
      retryMilliseconds: 10,
    });
    return { host, change: () => change(), attempts: () => attempts };
  }

  it('goes on with the former engine while the next cannot be made, and takes it over when it can', async () => {
    const { host, change } = await succession(async (attempt) => {
      if (attempt > 1 && attempt < 4) throw new Error('not now');
      return attempt;
    });
    change();
    expect(host.current()).to.equal(1);
    await eventually('the next one serves', () => host.current() === 4, 60_000);
    host.close();
  });

  it('takes the later of two, and tries nothing again after it has ended', async () => {
    const late = Promise.withResolvers<number>();
    const { host, change, attempts } = await succession(async (attempt) => {
      if (attempt === 2) return late.promise;
      if (attempt > 3) throw new Error('not now');
      return attempt;
    });
    change();
    change();
    await eventually('the later one serves', () => host.current() === 3, 60_000);
    late.resolve(2);
    await late.promise;
    expect(host.current()).to.equal(3);
    change();
    await eventually('it was tried', () => attempts() >= 4, 60_000);
    host.close();
    const tried = attempts();
    // Far longer than a further attempt would take to begin.
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(attempts()).to.equal(tried);
  });
});
