import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { openSqliteConnection } from '../../lib/database/sqlite/sqlite-dialect.ts';

describe('the embedded database in trouble', () => {
  let directory: string;
  let database: Database;

  beforeEach(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'latchkey-trouble-'));
    database = await openDatabase({ dataDir: directory, encryptionKey: [] });
  });
  afterEach(async () => {
    await database.close();
    rmSync(directory, { recursive: true });
  });

  const keep = (name: string, bytes: number): Promise<unknown> =>
    database.transaction((transaction) =>
      transaction
        .insertInto('lasting_secrets')
        .values({ name, sealed: Buffer.alloc(bytes), created_at: 0 })
        .execute(),
    );
  const names = async (): Promise<string[]> =>
    (await database.query.selectFrom('lasting_secrets').select('name').execute()).map(({ name }) => name);
  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it('is unavailable while the disk is full, and goes on when there is room', async () => {
    await keep('before', 10);
    const before = await names();
    // SQLite takes the whole transaction back by itself then; a page is 4 KiB.
    await sql`PRAGMA max_page_count = 1`.execute(database.query);
    const error = await failureOf(keep('too large', 1_000_000));
    expect(error).to.be.instanceOf(DatabaseUnavailable);
    expect((error as Error).message).to.match(/^the embedded database cannot answer \(.+full\)$/);
    expect(await names()).to.deep.equal(before);
    await sql`PRAGMA max_page_count = 1000000`.execute(database.query);
    await keep('after', 1_000_000);
    expect(await names()).to.have.members([...before, 'after']);
  });

  it('is unavailable while somebody else holds it for long', async () => {
    const other = openSqliteConnection(path.join(directory, 'latchkey.db'));
    other.exec('BEGIN IMMEDIATE');
    await sql`PRAGMA busy_timeout = 50`.execute(database.query);
    expect(await failureOf(keep('waits', 10))).to.be.instanceOf(DatabaseUnavailable);
    other.exec('ROLLBACK');
    other.close();
    await keep('goes on', 10);
    expect(await names()).to.include('goes on');
  });

  it('tells a mistake of ours from it', async () => {
    await keep('once', 10);
    const error = await failureOf(keep('once', 10));
    expect(error).to.be.instanceOf(Error).and.not.instanceOf(DatabaseUnavailable);
    expect((error as Error).message).to.contain('UNIQUE');
  });
});
