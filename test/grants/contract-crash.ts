import { setTimeout as later } from 'node:timers/promises';
import { expect } from 'chai';
import { find } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';
import { WorkerProcess } from './worker-processes.ts';

const ROUNDS = 6;
const CHAINS = 4;

/** A small generator of numbers in [0, 1), so that a failure can be repeated as far as a kill can. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** What is there of a step of a chain: of its five writes, those that are. */
async function partsOf({ grants }: OpenPlace, chain: string, step: number): Promise<Record<string, boolean>> {
  const name = (what: string, number = step) => `${chain}-${what}-${number}`;
  const session = await find(grants, 'Session', `${chain}-session`);
  const used = await find(grants, 'AuthorizationCode', name('code'));
  return {
    ...(step === 0 ? {} : { consumption: used?.consumed !== undefined }),
    refresh: (await find(grants, 'RefreshToken', name('refresh'))) !== undefined,
    access: (await find(grants, 'AccessToken', name('access'))) !== undefined,
    code: (await find(grants, 'AuthorizationCode', name('code', step + 1))) !== undefined,
    session: name('client') in ((session?.authorizations ?? {}) as object),
  };
}

/** Promise 1 when a process is killed: what was answered is there, what was not is there whole or not at all. */
export function describeCrash(
  makePlace: MakePlace,
  afterEachRound: (place: Place) => Promise<void> = async () => {},
): void {
  it('keeps every acknowledged request whole, and no other by half, when its process is killed', async function () {
    this.timeout(60_000);
    const place = await makePlace();
    const seed = Date.now() % 2 ** 31;
    const random = randomFrom(seed);
    console.log(`        seed ${seed}`);
    let checked = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const worker = new WorkerProcess(place, 10);
      const acknowledged = new Map<string, number>();
      const note = (message: Record<string, unknown>) => {
        const { chain, step } = message.acknowledged as { chain: string; step: number };
        acknowledged.set(chain, step);
      };
      try {
        await worker.hear();
        worker.tell({ order: 'stream', name: `round-${round}`, chains: CHAINS });
        note(await worker.hear());
        await later(random() * 250);
      } finally {
        await worker.kill();
      }
      worker.rest.map(note);
      const opened = await place.open();
      for (const [chain, last] of acknowledged) {
        for (let step = Math.max(0, last - 20); step <= last; step += 1) {
          const parts = await partsOf(opened, chain, step);
          expect(Object.values(parts), `${chain} ${step} ${JSON.stringify(parts)}`).to.not.include(false);
          checked += 1;
        }
        // Of those that nobody was told of: each is there, or is not.
        for (let step = last + 1; step <= last + 3; step += 1) {
          const parts = await partsOf(opened, chain, step);
          expect(new Set(Object.values(parts)).size, `${chain} ${step} ${JSON.stringify(parts)}`).to.equal(1);
        }
      }
      await opened.close();
      await afterEachRound(place);
    }
    expect(checked).to.be.above(ROUNDS);
    await place.remove();
  });
}
