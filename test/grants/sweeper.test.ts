import { expect } from 'chai';
import type { GrantStorage } from '../../lib/grants/storage.ts';
import { Sweeper } from '../../lib/grants/sweeper.ts';
import { createLog } from '../../lib/observability/log.ts';

/** A store that has `left` expired records, and remembers when it was swept. */
function storeWith(left: number): { storage: GrantStorage; left: () => number; sizes: number[] } {
  const sizes: number[] = [];
  const storage = {
    sweep: async (limit: number) => {
      const removed = Math.min(limit, left);
      left -= removed;
      sizes.push(removed);
      return removed === limit;
    },
  } as unknown as GrantStorage;
  return { storage, left: () => left, sizes };
}

describe('sweeping', () => {
  it('goes on until nothing is left, however much that was, in small steps', async () => {
    const { storage, left, sizes } = storeWith(10_100);
    await new Sweeper(storage, createLog('silent')).sweep();
    expect(left()).to.equal(0);
    expect(Math.max(...sizes)).to.be.at.most(200);
  });

  it('ends at once when it is stopped, in the middle or between', async () => {
    const { storage, left } = storeWith(1_000_000);
    const sweeper = new Sweeper(storage, createLog('silent'));
    const sweeping = sweeper.sweep();
    await sweeper.stop();
    await sweeping;
    expect(left()).to.be.above(0);
    const waiting = new Sweeper(storage, createLog('silent'));
    waiting.start();
    await waiting.stop();
  });
});
