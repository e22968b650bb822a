import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { describeCrash } from './contract-crash.ts';
import { find, inRequest, save } from './engine-requests.ts';
import { makeSqlitePlace } from './sqlite-place.ts';
import type { Place } from './storage-place.ts';

describe('the embedded store and faults', () => {
  let place: Place;

  beforeEach(async () => {
    place = await makeSqlitePlace();
  });

  afterEach(() => place.remove());

  describeCrash(makeSqlitePlace, async ({ location }) => {
    const database = new DatabaseSync(path.join(location, 'latchkey.db'));
    expect(database.prepare('PRAGMA integrity_check').get()).to.include({ integrity_check: 'ok' });
    database.close();
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

  it('goes on with everything else meanwhile, and writes as soon as the other process is done', async () => {
    const opened = await place.open();
    await save(opened.grants, 'AccessToken', 'older');
    const other = new DatabaseSync(path.join(place.location, 'latchkey.db'));
    other.exec('BEGIN IMMEDIATE');
    let saved = 0;
    const saving = Array.from({ length: 3 }, (_, index) =>
      save(opened.grants, 'AccessToken', `token-${index}`).then(() => {
        saved += 1;
      }),
    );
    // Each of these is a turn of the event loop, of which there would be none while the thread waits.
    for (let turn = 0; turn < 20; turn += 1) {
      await nextTurn();
      expect(await find(opened.grants, 'AccessToken', 'older')).to.be.an('object');
    }
    expect(saved).to.equal(0);
    other.exec('COMMIT');
    other.close();
    await Promise.all(saving);
    expect(await find(opened.grants, 'AccessToken', 'token-2')).to.be.an('object');
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

  /** Which files the disk was asked to keep before `work` was done. */
  async function askedOfTheDisk(work: () => Promise<unknown>): Promise<string[]> {
    const { fdatasync } = fs;
    const kept: string[] = [];
    fs.fdatasync = ((file: number, done: fs.NoParamCallback) =>
      fdatasync(file, (error) => {
        kept.push(fs.readlinkSync(`/proc/self/fd/${file}`));
        done(error);
      })) as typeof fs.fdatasync;
    syncBuiltinESMExports();
    try {
      await work();
    } finally {
      fs.fdatasync = fdatasync;
      syncBuiltinESMExports();
    }
    return kept;
  }

  it('has the disk keep the write-ahead log before it says that something is kept', async () => {
    const opened = await place.open();
    const kept = await askedOfTheDisk(() => save(opened.grants, 'AccessToken', 'token'));
    expect(kept).to.deep.equal([fs.realpathSync(path.join(place.location, 'latchkey.db-wal'))]);
    await opened.close();
  });

  it('does not wait for the disk with how far a sign-in has come, only with what ends it', async () => {
    const { grants, close } = await place.open();
    const pending = { kind: 'Interaction', session: { uid: 'uid' } };
    expect(await askedOfTheDisk(() => save(grants, 'Interaction', 'sign-in', pending))).to.deep.equal([]);
    expect(await find(grants, 'Interaction', 'sign-in')).to.deep.include(pending);
    const ending = () =>
      inRequest(grants, async () => {
        await save(grants, 'Interaction', 'sign-in', pending);
        await save(grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' });
      });
    expect(await askedOfTheDisk(ending)).to.have.length(1);
    await close();
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
