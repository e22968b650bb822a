import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { Kysely } from 'kysely';
import { SQLITE_TYPES } from '../../lib/database/column-types.ts';
import { openDatabase } from '../../lib/database/database.ts';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { MissingEncryptionKey } from '../../lib/database/encryption-key.ts';
import { lastingSecret } from '../../lib/database/lasting-secret.ts';
import * as directoryTables from '../../lib/database/migrations/0001-directory.ts';
import * as grantTables from '../../lib/database/migrations/0002-grants.ts';
import { createSqliteDialect, openSqliteConnection } from '../../lib/database/sqlite/sqlite-dialect.ts';
import { openTogether } from './open-together.ts';

describe('the database', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'latchkey-database-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  const open = (dataDir = directory) => openDatabase({ dataDir, encryptionKey: [] });
  const raw = (): DatabaseSync => new DatabaseSync(path.join(directory, 'latchkey.db'));

  it('is made once, with one key, by six processes that start at once on a new directory', async () => {
    const dataDir = path.join(directory, 'new', 'data');
    const [first, ...others] = await openTogether(6, { dataDir, encryptionKey: [] });
    expect(first).to.have.property('migrations').with.length.above(2);
    for (const other of others) expect(other).to.deep.equal(first);
    expect(statSync(dataDir).mode & 0o777).to.equal(0o700);
    expect(readdirSync(dataDir).filter((file) => file.startsWith('encryption.key'))).to.deep.equal([
      'encryption.key',
    ]);
  });

  it('that a newer version wrote is not opened, and stays as it is', async () => {
    await (await open()).close();
    const database = raw();
    database.exec("INSERT INTO migrations VALUES ('9999-from-the-future', 1)");
    database.close();
    const refusal = await open().catch((error: unknown) => error as Error);
    expect(refusal).to.be.instanceOf(Error);
    expect((refusal as Error).message).to.equal(
      'the database was upgraded by a newer version (9999-from-the-future): start that version, or restore a backup',
    );
    const after = raw();
    // Nothing holds it any more.
    after.exec('PRAGMA journal_mode = DELETE');
    expect(after.prepare('SELECT count(*) AS n FROM migrations').get()?.n).to.be.above(3);
    after.close();
  });

  it('of an earlier version is brought up to date, and keeps what it holds', async () => {
    // As the first version made it: what later migrations add, change or drop does not matter here.
    const early = new Kysely<never>({
      dialect: createSqliteDialect(openSqliteConnection(path.join(directory, 'latchkey.db'))),
    });
    for (const up of [directoryTables.up, grantTables.up]) await up(early, SQLITE_TYPES);
    await early.destroy();
    const database = raw();
    database.exec(`CREATE TABLE migrations (name text PRIMARY KEY, applied_at bigint NOT NULL);
      INSERT INTO migrations VALUES ('0001-directory', 1), ('0002-grants', 1);
      INSERT INTO account_endings VALUES (x'aa', 1, 4102444800);`);
    database.close();
    await (await open()).close();
    const after = raw();
    expect(after.prepare('SELECT count(*) AS n FROM throttle').get()).to.include({ n: 0 });
    expect(after.prepare('SELECT count(*) AS n FROM account_endings').get()).to.include({ n: 1 });
    after.close();
  });

  it('waits for another process that writes without stopping this one', async () => {
    const database = await open();
    const other = raw();
    other.exec('BEGIN IMMEDIATE');
    const ended: string[] = [];
    const written = database
      .transaction((transaction) =>
        transaction
          .insertInto('lasting_secrets')
          .values({ name: 'waited', sealed: Buffer.from('x'), created_at: 1 })
          .execute(),
      )
      .then(() => ended.push('transaction'));
    const alone = database.query
      .insertInto('lasting_secrets')
      .values({ name: 'alone', sealed: Buffer.from('x'), created_at: 1 })
      .execute()
      .then(() => ended.push('statement'));
    const read = database.prepare<object, { name: string }>((query) =>
      query
        .selectFrom('lasting_secrets')
        .select('name')
        .where('name', 'in', ['waited', 'alone'])
        .orderBy('name'),
    );
    for (let turn = 0; turn < 3; turn += 1) {
      await sleep(10);
      expect(await read({})).to.deep.equal([]);
    }
    expect(ended).to.deep.equal([]);
    other.exec('COMMIT');
    other.close();
    await Promise.all([written, alone]);
    expect(await read({})).to.deep.equal([{ name: 'alone' }, { name: 'waited' }]);
    await database.close();
  });

  it('stays locked against whoever would take the write-ahead log away, however many connections are opened', async () => {
    const database = await open();
    const file = path.join(directory, 'latchkey.db');
    const connections = [openSqliteConnection(file), openSqliteConnection(file)];
    const other = spawnSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--input-type=module',
        '-e',
        TAKE_AWAY,
        path.join(directory, 'latchkey.db'),
      ],
      { encoding: 'utf8' },
    );
    expect(other.stdout + other.stderr).to.equal('database is locked');
    // On Linux one can see what the lock hangs on: that of this process on the file itself (not on -shm).
    const inode = String(statSync(path.join(directory, 'latchkey.db')).ino);
    const locks = existsSync('/proc/locks')
      ? readFileSync('/proc/locks', 'utf8').split('\n')
      : [`${process.pid} ${inode}`];
    expect(locks.filter((line) => line.includes(String(process.pid)) && line.includes(inode))).to.have.length(
      1,
    );
    for (const connection of connections) connection.close();
    await database.close();
  });

  it('is durable: every connection waits for the disk, and writes ahead', async () => {
    const database = await open();
    const connection = openSqliteConnection(path.join(directory, 'latchkey.db'));
    expect(connection.prepare('PRAGMA synchronous').get()).to.include({ synchronous: 2 });
    expect(connection.prepare('PRAGMA journal_mode').get()).to.include({ journal_mode: 'wal' });
    connection.close();
    await database.close();
  });

  it('shows a change to every process by the time that it is said to be made', async () => {
    const [changing, other] = [await open(), await open()];
    for (let change = 0; change < 30; change += 1) {
      const before = other.revisions.current('accounts');
      await changing.transaction((transaction) => changing.revisions.move(transaction, 'accounts'));
      expect(other.revisions.current('accounts'), `change ${change}`).to.equal(before + 1);
    }
    for (const database of [changing, other]) await database.close();
  });

  it('keeps a change to itself until it is committed, whoever asks', async () => {
    const database = await open();
    const { revisions } = database;
    await database.transaction((transaction) => revisions.move(transaction, 'accounts'));
    const before = revisions.current('accounts');
    const seen: number[] = [];
    const undone = database.transaction(async (transaction) => {
      await revisions.move(transaction, 'accounts');
      seen.push(revisions.current('accounts'));
      throw new Error('taken back');
    });
    expect(await undone.catch((error: Error) => error.message)).to.equal('taken back');
    expect([...seen, revisions.current('accounts')]).to.deep.equal([before, before]);
    await database.transaction(async (transaction) => {
      await revisions.move(transaction, 'accounts');
      seen.push(revisions.current('accounts'));
    });
    expect([...seen, revisions.current('accounts')]).to.deep.equal([before, before, before + 1]);
    await database.close();
  });

  it('that has been closed refuses what comes late, and ends no process', async () => {
    const database = await open();
    const { embedded } = database;
    await database.close();
    const late = await embedded.write(() => 1, { isDurable: false }).catch((error: unknown) => error);
    expect(late).to.be.instanceOf(DatabaseUnavailable);
    expect(await embedded.kept().catch((error: unknown) => error)).to.be.instanceOf(DatabaseUnavailable);
  });

  it('with a damaged encryption key is not opened, and the key is not replaced', async () => {
    await (await open()).close();
    const file = path.join(directory, 'encryption.key');
    writeFileSync(file, 'c2hvcnQ=\n');
    const refusal = await open().catch((error: unknown) => error as Error);
    expect((refusal as Error).message).to.contain(`${file} does not hold a 32-byte key`);
    expect(readFileSync(file, 'utf8')).to.equal('c2hvcnQ=\n');
  });

  it('whose encryption key is gone is not opened, and no other is made', async () => {
    const file = path.join(directory, 'encryption.key');
    const first = await open();
    await first.close();
    rmSync(file);
    const second = await open();
    expect(existsSync(file), 'nothing was sealed with it').to.equal(true);
    await lastingSecret(second, 'pairwise-subjects');
    await second.close();
    rmSync(file);
    const refusal = await open().catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(MissingEncryptionKey);
    expect(existsSync(file)).to.equal(false);
    expect(existsSync(path.join(directory, 'latchkey.db'))).to.equal(true);
  });
});

const TAKE_AWAY = `
  import { DatabaseSync } from 'node:sqlite';
  const database = new DatabaseSync(process.argv[1]);
  let said = 'taken';
  try { database.exec('PRAGMA journal_mode = DELETE'); } catch (error) { said = error.message; }
  database.close();
  process.stdout.write(said);
`;
