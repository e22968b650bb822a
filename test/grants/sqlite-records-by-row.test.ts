import fs, { statSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { openDatabase } from '../../lib/database/database.ts';
import { BUSY_TIMEOUT_MILLISECONDS } from '../../lib/database/sqlite/sqlite-dialect.ts';
import { createLog } from '../../lib/observability/log.ts';
import { dataProblem } from '../../lib/start-problems.ts';
import { find, perform, save } from './engine-requests.ts';
import { openInspectedPlace } from './sqlite-place.ts';
import type { OpenPlace, Place } from './storage-place.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

/** Puts the records back as they lay before, clustered by their keys. */
function cluster(raw: DatabaseSync): void {
  raw.exec(`BEGIN IMMEDIATE;
    CREATE TABLE clustered (
      key blob PRIMARY KEY, model text NOT NULL, grant_key blob, generation integer, session_key blob, user_code_key blob,
      consumed_at integer, written_at integer NOT NULL, expires_at integer NOT NULL, stamp integer NOT NULL,
      payload blob NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO clustered SELECT key, model, grant_key, generation, session_key, user_code_key, consumed_at, written_at,
      expires_at, stamp, payload FROM engine_records;
    DROP TABLE engine_records;
    ALTER TABLE clustered RENAME TO engine_records;
    CREATE INDEX engine_records_expiry ON engine_records (expires_at);
    CREATE INDEX engine_records_user_code ON engine_records (user_code_key) WHERE user_code_key IS NOT NULL;
    DELETE FROM migrations WHERE name = '0016-records-by-row';
    COMMIT`);
}

const TOLD = [
  {
    migrations: ['0016-records-by-row'],
    msg: 'bringing the database up to date: a large one takes a while',
  },
  { msg: 'the database is up to date' },
];

describe('a store whose records lie row by row', () => {
  let place: Place;
  let opened: OpenPlace;
  let raw: DatabaseSync;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ place, opened, raw, remove } = await openInspectedPlace());
  });
  afterEach(() => remove());

  /** What a start says of it. */
  const openTold = async (dataDir = place.location): Promise<object[]> => {
    const told: object[] = [];
    const log = createLog('info', {
      write: (line) => {
        const { level, time, pid, ...said } = JSON.parse(line);
        told.push(said);
      },
    });
    await (await openDatabase({ dataDir, encryptionKey: [] }, log)).close();
    return told;
  };

  const schema = () =>
    raw
      .prepare(
        "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'engine_records' AND sql IS NOT NULL ORDER BY name",
      )
      .all()
      .map(({ sql }) => String(sql).replaceAll(/\s+/g, ' '));

  it('is laid out so from one that is clustered by their keys, with all that is valid, while a process of before goes on with it', async () => {
    const { grants } = opened;
    const wanted = schema();
    await save(grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    await save(grants, 'RefreshToken', 'refresh', BOUND);
    await save(grants, 'DeviceCode', 'device', { clientId: 'app', userCode: 'BCDF' });
    await save(grants, 'RefreshToken', 'other', BOUND);
    await perform(grants, { kind: 'refresh', refreshToken: 'other', accessToken: 'one' });
    await save(grants, 'AccessToken', 'expired', BOUND);
    raw.exec("UPDATE engine_records SET expires_at = 1 WHERE model = 'AccessToken'");
    cluster(raw);
    expect(schema(), 'as before').to.not.deep.equal(wanted);
    // Now this process has its statements prepared for what the table was.
    await save(grants, 'RefreshToken', 'another', BOUND);
    expect(await find(grants, 'RefreshToken', 'another')).to.include(BOUND);
    const rows = () =>
      raw
        .prepare('SELECT * FROM engine_records WHERE expires_at > 1 ORDER BY key')
        .all()
        .map((row) => ({ ...row }));
    const before = rows();
    expect(before).to.have.length(5);

    const newer = await place.open();
    try {
      expect(schema()).to.deep.equal(wanted);
      expect(rows()).to.deep.equal(before);
      expect(raw.prepare('SELECT count(*) AS count FROM engine_records').get()).to.include({ count: 5 });
      for (const one of [opened, newer]) {
        expect(await find(one.grants, 'RefreshToken', 'refresh')).to.include(BOUND);
        expect(await one.grants.storageFor('DeviceCode').findByUserCode('BCDF')).to.include({
          userCode: 'BCDF',
        });
        const { consumed } = (await find(one.grants, 'RefreshToken', 'other')) ?? {};
        expect(consumed, 'may be presented again for a moment').to.equal(undefined);
      }
      const done = await perform(grants, { kind: 'refresh', refreshToken: 'refresh', accessToken: 'two' });
      expect(done.result).to.equal('done');
      expect(await find(newer.grants, 'RefreshToken', done.successor as string)).to.include(BOUND);
    } finally {
      await newer.close();
    }
  });

  it('is laid out by one of several processes that start at once', async () => {
    const wanted = schema();
    await save(opened.grants, 'AccessToken', 'token', { clientId: 'app' });
    cluster(raw);
    const several = await Promise.all(Array.from({ length: 4 }, () => place.open()));
    try {
      expect(schema()).to.deep.equal(wanted);
      for (const one of several)
        expect(await find(one.grants, 'AccessToken', 'token')).to.include({ clientId: 'app' });
    } finally {
      for (const one of several) await one.close();
    }
  });

  it('is waited for by a process that starts while another one takes its time with it', async function () {
    this.timeout(30_000);
    cluster(raw);
    raw.exec('BEGIN IMMEDIATE');
    const opening = openTold();
    // Longer than a process waits for any other lock.
    await setTimeout(BUSY_TIMEOUT_MILLISECONDS + 1000);
    raw.exec('COMMIT');
    expect(await opening).to.deep.equal([
      { msg: 'waiting for another process, which brings the database up to date' },
      ...TOLD,
    ]);
  });

  it('is told of in the log before it is laid out and after, and not where there is nothing to do', async () => {
    cluster(raw);
    expect(await openTold()).to.deep.equal(TOLD);
    expect(await openTold()).to.deep.equal([]);
    const dataDir = `${place.location}/new`;
    expect(await openTold(dataDir), 'a first start').to.deep.equal([]);
  });

  it('stays as it is where the disk has no room for a copy, and the start says how much that takes', async () => {
    await save(opened.grants, 'AccessToken', 'token', { clientId: 'app' });
    cluster(raw);
    const before = schema();
    const { statfsSync } = fs;
    fs.statfsSync = (() => ({ bavail: 10, bsize: 1024 })) as unknown as typeof statfsSync;
    syncBuiltinESMExports();
    try {
      const refused = await place.open().catch((error: Error) => error);
      expect(dataProblem(refused, { dataDir: place.location }))
        .to.be.instanceOf(ConfigurationError)
        .and.have.property('message')
        .match(
          /^data_dir .* cannot be brought up to date: that takes \d+ MiB of free room on its disk, and 0 are left$/,
        );
    } finally {
      fs.statfsSync = statfsSync;
      syncBuiltinESMExports();
    }
    expect(schema()).to.deep.equal(before);
    expect(await find(opened.grants, 'AccessToken', 'token')).to.include({ clientId: 'app' });
  });

  it('leaves no log behind that is larger than others', async () => {
    cluster(raw);
    raw.exec(`BEGIN; WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000)
      INSERT INTO engine_records SELECT randomblob(36), 'AccessToken', NULL, NULL, NULL, NULL, NULL, 1, 4000000000, 1, randomblob(700) FROM numbers;
      COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
    const newer = await place.open();
    try {
      await save(newer.grants, 'AccessToken', 'token', { clientId: 'app' });
      expect(statSync(path.join(place.location, 'latchkey.db')).size).to.be.above(80 * 2 ** 20);
      expect(statSync(path.join(place.location, 'latchkey.db-wal')).size).to.be.at.most(32 * 2 ** 20);
    } finally {
      await newer.close();
    }
  });

  it('has the successor of a refresh token issued anew where the one of before has expired', async () => {
    const { grants } = opened;
    await save(grants, 'RefreshToken', 'successor', { clientId: 'first' });
    await save(grants, 'RefreshToken', 'successor', { clientId: 'second' });
    expect(await find(grants, 'RefreshToken', 'successor')).to.include({ clientId: 'first' });
    raw.exec('UPDATE engine_records SET expires_at = 1');
    await save(grants, 'RefreshToken', 'successor', { clientId: 'third' });
    expect(await find(grants, 'RefreshToken', 'successor')).to.include({ clientId: 'third' });
  });

  it('has what is swept away go, and nothing else', async () => {
    const { grants, storage } = opened;
    for (const name of ['one', 'two', 'three', 'four'])
      await save(grants, 'AccessToken', name, { clientId: 'app' });
    raw.exec(
      'UPDATE engine_records SET expires_at = 1 WHERE rowid IN (SELECT rowid FROM engine_records LIMIT 3)',
    );
    expect(await storage.sweep(2), 'more is left').to.equal(true);
    expect(await storage.sweep(2)).to.equal(false);
    expect(raw.prepare('SELECT count(*) AS count FROM engine_records').get()).to.include({ count: 1 });
  });
});
