import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as later } from 'node:timers/promises';
import { expect } from 'chai';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { find, inRequest, save } from './engine-requests.ts';
import { makeSqlitePlace } from './sqlite-place.ts';
import type { OpenPlace, Place } from './storage-place.ts';
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

describe('the embedded store and faults', () => {
  let place: Place;

  beforeEach(async () => {
    place = await makeSqlitePlace();
  });

  afterEach(() => place.remove());

  /** What is there of a step of a chain: of its five writes, those that are. */
  async function partsOf(
    { grants }: OpenPlace,
    chain: string,
    step: number,
  ): Promise<Record<string, boolean>> {
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

  it('keeps every acknowledged request whole, and no other by half, when its process is killed', async function () {
    this.timeout(60_000);
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
      const database = new DatabaseSync(path.join(place.location, 'latchkey.db'));
      expect(database.prepare('PRAGMA integrity_check').get()).to.include({ integrity_check: 'ok' });
      database.close();
    }
    expect(checked).to.be.above(ROUNDS);
  });

  it('answers that it is unavailable, once for all that wait, while another process holds the lock', async () => {
    const opened = await place.open();
    const other = new DatabaseSync(path.join(place.location, 'latchkey.db'));
    other.exec('BEGIN IMMEDIATE');
    const began = Date.now();
    const refused = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        save(opened.grants, 'AccessToken', `token-${index}`).catch((error: unknown) => error),
      ),
    );
    const took = Date.now() - began;
    for (const error of refused) expect(error).to.be.instanceOf(StorageUnavailable);
    // Each waiting in its turn would be ten times the busy time-out of two seconds.
    expect(took).to.be.below(15_000);
    expect(await find(opened.grants, 'AccessToken', 'token-0')).to.equal(undefined);
    other.exec('ROLLBACK');
    other.close();
    await save(opened.grants, 'AccessToken', 'token-0');
    expect(await find(opened.grants, 'AccessToken', 'token-0')).to.be.an('object');
    await opened.close();
  });

  it('does not let one request that cannot be written take down those of the same moment', async () => {
    const opened = await place.open();
    const { grants } = opened;
    await save(grants, 'Session', 'broken', { uid: 'broken', accountId: 'ada' });
    const database = new DatabaseSync(path.join(place.location, 'latchkey.db'));
    const outcomes = await Promise.all(
      ['broken', 'whole'].map((id) =>
        inRequest(grants, async () => {
          const session = await find(grants, 'Session', id);
          await save(grants, 'Session', id, { ...session, uid: id, accountId: 'ada' });
          if (id === 'broken')
            database.exec('UPDATE sessions SET version = version + 1, payload = zeroblob(80)');
        }).catch((error: unknown) => error),
      ),
    );
    database.close();
    expect(outcomes[0]).to.be.instanceOf(StorageUnavailable);
    expect(outcomes[1]).to.have.nested.property('outcome.outcome', 'committed');
    expect(await find(grants, 'Session', 'whole')).to.include({ uid: 'whole' });
    await opened.close();
  });

  it('commits what waits before it closes', async () => {
    const opened = await place.open();
    const saving = save(opened.grants, 'AccessToken', 'token');
    await opened.close();
    await saving;
    const again = await place.open();
    expect(await find(again.grants, 'AccessToken', 'token')).to.be.an('object');
    await again.close();
  });
});
