import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { GroupCommit } from '../../lib/database/sqlite/group-commit.ts';

describe('group commit', function () {
  this.timeout(60_000);
  let folder: string;
  let connection: DatabaseSync;
  let commits: GroupCommit;
  /** What the disk has been asked to keep, and has not answered yet. */
  let asked: ((error: Error | null) => void)[];
  let done: string[];

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-commits-'));
    connection = new DatabaseSync(path.join(folder, 'commits.db'));
    connection.exec('PRAGMA journal_mode = WAL; CREATE TABLE kept (name TEXT)');
    asked = [];
    done = [];
    commits = new GroupCommit(connection, (answer) => asked.push(answer));
  });
  afterEach(() => {
    connection.close();
    rmSync(folder, { recursive: true });
  });

  const keep = (name: string): Promise<void> =>
    commits
      .run(() => connection.prepare('INSERT INTO kept VALUES (?)').run(name))
      .then(() => {
        done.push(name);
      });
  const turns = async () => {
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  };
  const turnsUntil = async (condition: () => boolean) => {
    const deadline = Date.now() + 10_000;
    while (!condition()) {
      if (Date.now() > deadline) throw new Error('the disk is not asked');
      await pause(1);
    }
  };
  const names = () =>
    connection
      .prepare('SELECT name FROM kept')
      .all()
      .map(({ name }) => name);

  it('says that something is kept when the disk has said so, and not before', async () => {
    const kept = keep('one');
    await turns();
    expect({ asked: asked.length, done, names: names() }).to.deep.equal({
      ...{ asked: 1, done: [], names: ['one'] },
    });
    expect(commits.busy).to.equal(true);
    asked.shift()?.(null);
    await kept;
    expect({ done, busy: commits.busy }).to.deep.equal({ done: ['one'], busy: false });
  });

  it('gathers what comes while the disk is busy, for one transaction and one more request to the disk, with what came in the same turn', async () => {
    const first = keep('one');
    await turns();
    const others = ['two', 'three', 'four'].map(keep);
    await turns();
    expect({ asked: asked.length, names: names(), commits: commits.commits }).to.deep.equal({
      ...{ asked: 1, names: ['one'], commits: 1 },
    });
    asked.shift()?.(null);
    // A request that is read in the turn in which the disk answers need not wait for its next answer.
    others.push(keep('five'));
    await first;
    await turns();
    expect({ done, names: names(), commits: commits.commits }).to.deep.equal({
      ...{ done: ['one'], names: ['one', 'two', 'three', 'four', 'five'], commits: 2 },
    });
    expect(asked).to.have.length(1);
    asked.shift()?.(null);
    await Promise.all(others);
    expect(done).to.deep.equal(['one', 'two', 'three', 'four', 'five']);
  });

  it('asks the disk once at a time, also when another process comes between the parts of what was taken apart', async () => {
    const other = new DatabaseSync(path.join(folder, 'commits.db'));
    let began = 0;
    const crossed = new GroupCommit(
      new Proxy(connection, {
        get: (target, name) => {
          if (name !== 'exec') return Reflect.get(target, name, target);
          return (sql: string) => {
            began += sql === 'BEGIN IMMEDIATE' ? 1 : 0;
            // The first is for both, the second for the first piece alone.
            if (sql === 'BEGIN IMMEDIATE' && began === 3) other.exec('BEGIN IMMEDIATE');
            target.exec(sql);
          };
        },
      }),
      (answer) => asked.push(answer),
    );
    let tries = 0;
    const first = crossed.run(() => connection.prepare("INSERT INTO kept VALUES ('one')").run());
    const second = crossed.run(() => {
      tries += 1;
      if (tries === 1) throw new Error('not with others');
      connection.prepare("INSERT INTO kept VALUES ('two')").run();
    });
    await turns();
    expect({ asked: asked.length, names: names() }).to.deep.equal({ asked: 1, names: ['one'] });
    other.exec('ROLLBACK');
    other.close();
    // Timers of one length come in the order in which they were set: that of the commit has passed.
    for (let timer = 0; timer < 3; timer += 1) await pause(1);
    expect({ asked: asked.length, names: names() }).to.deep.equal({ asked: 1, names: ['one'] });
    asked.shift()?.(null);
    await first;
    await turns();
    asked.shift()?.(null);
    await second;
    expect({ names: names(), busy: crossed.busy }).to.deep.equal({ names: ['one', 'two'], busy: false });
  });

  it('waits for another process with each piece as long as with any other, and tells who waited in vain', async () => {
    const other = new DatabaseSync(path.join(folder, 'commits.db'));
    other.exec('BEGIN IMMEDIATE');
    const early = keep('early').catch((error: unknown) => error);
    await pause(1500);
    const late = keep('late');
    const refused = await early;
    expect(refused).to.be.instanceOf(DatabaseUnavailable);
    expect((refused as Error).cause).to.have.property('errcode', 5);
    expect(commits.busy, 'the other waits on').to.equal(true);
    other.exec('ROLLBACK');
    other.close();
    await turnsUntil(() => asked.length > 0);
    asked.shift()?.(null);
    await late;
    expect({ done, names: names(), busy: commits.busy }).to.deep.equal({
      ...{ done: ['late'], names: ['late'], busy: false },
    });
  });

  it('does not wait for the disk with what need not be kept, also while it keeps something else', async () => {
    const heavy = keep('heavy');
    await turns();
    const light = await commits.run(
      () => connection.prepare("INSERT INTO kept VALUES ('light')").run().changes,
      { isDurable: false },
    );
    const later = keep('later');
    await turns();
    expect({ light, asked: asked.length, done, names: names() }).to.deep.equal({
      ...{ light: 1, asked: 1, done: [], names: ['heavy', 'light'] },
    });
    asked.shift()?.(null);
    await heavy;
    await turns();
    asked.shift()?.(null);
    await later;
    expect(names()).to.deep.equal(['heavy', 'light', 'later']);
  });

  it('has the disk keep what others have committed, once for all that ask meanwhile', async () => {
    const first = commits.kept();
    await turns();
    const others = [commits.kept(), keep('one'), commits.kept()];
    await turns();
    expect(asked).to.have.length(1);
    asked.shift()?.(null);
    await first;
    await turns();
    expect(asked).to.have.length(1);
    asked.shift()?.(null);
    await Promise.all(others);
    expect({ done, commits: commits.commits, busy: commits.busy }).to.deep.equal({
      ...{ done: ['one'], commits: 1, busy: false },
    });
  });

  it('waits for a transaction on its own connection that does not end, as for another process’s', async () => {
    connection.exec('BEGIN');
    const waiting = keep('one');
    await turns();
    expect(asked).to.deep.equal([]);
    connection.exec('COMMIT');
    await turnsUntil(() => asked.length > 0);
    asked.shift()?.(null);
    await waiting;
  });

  it('ends what is under way when it is closed, and refuses what comes after it', async () => {
    const last = keep('last');
    let isClosed = false;
    const closing = commits.close().then(() => {
      isClosed = true;
    });
    await turns();
    expect(isClosed).to.equal(false);
    asked.shift()?.(null);
    await Promise.all([last, closing]);
    const late = [keep('late'), commits.kept(), commits.run(() => 1, { isDurable: false })];
    for (const { status, ...outcome } of await Promise.allSettled(late)) {
      expect(status).to.equal('rejected');
      expect(outcome).to.have.property('reason').that.is.instanceOf(DatabaseUnavailable);
    }
    expect({ asked: asked.length, names: names() }).to.deep.equal({ asked: 0, names: ['last'] });
  });

  it('promises nothing any more once the disk has failed to keep something', async () => {
    const lost = keep('one').catch((error: unknown) => error);
    await turns();
    const waiting = keep('two').catch((error: unknown) => error);
    asked.shift()?.(new Error('EIO: i/o error, fdatasync'));
    for (const refused of [await lost, await waiting, await keep('three').catch((error: unknown) => error)]) {
      expect(refused).to.be.instanceOf(DatabaseUnavailable);
      expect((refused as Error).cause).to.have.property('message', 'EIO: i/o error, fdatasync');
    }
    expect({ done, asked: asked.length }).to.deep.equal({ done: [], asked: 0 });
    // Whoever asks whether it is ready reads this.
    expect(() => commits.check()).to.throw(DatabaseUnavailable, /EIO.*start this process anew/);
  });
});
