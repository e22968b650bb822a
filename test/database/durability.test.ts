import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { type Database, openDatabase, type TransactionOptions } from '../../lib/database/database.ts';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { withDeadline } from '../flows/deadline.ts';

/** A disk that says that it has kept something when it is told to. */
class ToldDisk {
  readonly files: string[] = [];
  readonly #answers: ((error: NodeJS.ErrnoException | null) => void)[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly #real = fs.fdatasync;

  constructor() {
    fs.fdatasync = ((file: number, done: fs.NoParamCallback) => {
      this.files.push(fs.readlinkSync(`/proc/self/fd/${file}`));
      this.#answers.push(done);
      this.#waiting.shift()?.();
    }) as typeof fs.fdatasync;
    syncBuiltinESMExports();
  }

  /** Waits until it is asked. */
  async asked(): Promise<void> {
    if (this.#answers.length > 0) return;
    await withDeadline(
      'the disk is asked',
      30_000,
      new Promise<void>((resolve) => this.#waiting.push(resolve)),
    );
  }

  /** Waits until it is asked, and answers. */
  async answer(error: NodeJS.ErrnoException | null = null): Promise<void> {
    await this.asked();
    this.#answers.shift()?.(error);
  }

  putBack(): void {
    fs.fdatasync = this.#real;
    syncBuiltinESMExports();
  }
}

describe('a transaction of the embedded directory', () => {
  let directory: string;
  let database: Database;
  let disk: ToldDisk;

  beforeEach(async () => {
    directory = fs.mkdtempSync(path.join(tmpdir(), 'latchkey-durability-'));
    database = await openDatabase({ dataDir: directory, encryptionKey: [] });
    disk = new ToldDisk();
  });

  afterEach(async () => {
    disk.putBack();
    await database.close();
    fs.rmSync(directory, { recursive: true });
  });

  /** Writes one row; resolves with how that ended. */
  const write = (key: string, options?: TransactionOptions): Promise<unknown> =>
    database
      .transaction(
        async (transaction, at) =>
          void (await sql`INSERT INTO throttle (key, points, expire) VALUES (${key}, 1, ${at})`.execute(
            transaction,
          )),
        options,
      )
      .then(
        () => 'kept',
        (error: unknown) => error,
      );

  const written = async (): Promise<unknown[]> =>
    (await sql<{ key: string }>`SELECT key FROM throttle ORDER BY key`.execute(database.query)).rows.map(
      ({ key }) => key,
    );

  it('is done when the disk has kept the write-ahead log; until then everything else is answered', async () => {
    let isDone = false;
    const writing = write('first').finally(() => {
      isDone = true;
    });
    // It can be read before anybody has been told that it is kept.
    while ((await written()).length === 0) await new Promise(setImmediate);
    expect(isDone).to.equal(false);
    await disk.answer();
    expect(await writing).to.equal('kept');
    expect(disk.files).to.deep.equal([fs.realpathSync(path.join(directory, 'latchkey.db-wal'))]);
  });

  it('shares what the disk is asked for with those that come meanwhile', async () => {
    const first = write('first');
    await disk.asked();
    const others = [write('second'), write('third'), write('fourth')];
    while ((await written()).length < 4) await new Promise(setImmediate);
    await disk.answer();
    expect(await first).to.equal('kept');
    await disk.answer();
    expect(await Promise.all(others)).to.deep.equal(['kept', 'kept', 'kept']);
    expect(disk.files).to.have.length(2);
  });

  it('fails with a disk that fails, and nothing is written after it', async () => {
    const first = write('first');
    await disk.answer(Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' }));
    const failure = await first;
    expect(failure).to.be.instanceOf(DatabaseUnavailable);
    expect((failure as Error).message).to.equal(
      'the disk failed to keep what was written (EIO: i/o error, fdatasync), so nothing more is written: see to the disk, then start this process anew',
    );
    expect(await write('second')).to.equal(failure);
    const alone = sql`INSERT INTO throttle (key, points, expire) VALUES ('alone', 1, 1)`;
    expect(await alone.execute(database.query).catch((error: unknown) => error)).to.equal(failure);
    expect(await written()).to.deep.equal(['first']);
    expect(await database.check().catch((error: unknown) => error)).to.equal(failure);
  });

  it('that nothing rests on is done when it is committed, and kept with what is written after it', async () => {
    expect(await write('light', { isDurable: false })).to.equal('kept');
    expect(disk.files).to.deep.equal([]);
    const writing = write('heavy');
    await disk.answer();
    expect(await writing).to.equal('kept');
    expect(disk.files).to.have.length(1);
  });

  for (const [what, alone] of [
    ['a statement', () => sql`DELETE FROM throttle`.execute(database.query)],
    ['a prepared one', async () => await database.prepare((query) => query.deleteFrom('mail_links'))({})],
  ] as const) {
    it(`is not needed for ${what} to wait for the disk, which stops nothing else`, async () => {
      let isDone = false;
      const writing = alone().finally(() => {
        isDone = true;
      });
      await disk.asked();
      // Nor does anybody else wait for it.
      expect(await written()).to.deep.equal([]);
      expect(await write('light', { isDurable: false })).to.equal('kept');
      expect(isDone).to.equal(false);
      await disk.answer();
      await writing;
    });
  }
});
