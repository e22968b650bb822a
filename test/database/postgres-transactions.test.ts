import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { databaseSettings } from './directory-stores.ts';
import { PostgresServer } from './postgres-server.ts';

const account = (sub: string) => ({
  sub,
  login: sub,
  disabled: 0,
  claims: '{}',
  created_at: 0,
  updated_at: 0,
});

describe('a transaction on PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let dataDir: string;
  let name: string;
  const opened: Database[] = [];

  before(async () => {
    server = await PostgresServer.start();
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-transactions-'));
  });
  after(async () => {
    await server?.remove();
    rmSync(dataDir, { recursive: true });
  });
  beforeEach(async () => {
    name = await server.createDatabase();
  });
  afterEach(async () => {
    for (const database of opened.splice(0)) await database.close();
  });

  async function open(): Promise<Database> {
    const database = await openDatabase({
      dataDir,
      encryptionKey: [],
      databaseUrl: server.url(name),
      database: databaseSettings,
    });
    opened.push(database);
    return database;
  }

  it('is the only one that writes, over all processes: no update is lost', async () => {
    const databases = [await open(), await open(), await open()];
    await databases[0]?.query.insertInto('accounts').values(account('ann')).execute();
    const increments = databases.flatMap((database) =>
      Array.from({ length: 15 }, () =>
        database.transaction(async (transaction) => {
          const { updated_at } = await transaction
            .selectFrom('accounts')
            .select('updated_at')
            .executeTakeFirstOrThrow();
          await transaction
            .updateTable('accounts')
            .set({ updated_at: updated_at + 1 })
            .execute();
        }),
      ),
    );
    await Promise.all(increments);
    const row = await databases[0]?.query.selectFrom('accounts').select('updated_at').executeTakeFirst();
    expect(row?.updated_at).to.equal(45);
  });

  it('is tried again when the server chose it to end a deadlock', async () => {
    // Who looks for a deadlock first ends it by giving up: this side, well after the circle is closed.
    await server.administer(`ALTER DATABASE ${name} SET deadlock_timeout = '1500ms'`);
    const database = await open();
    await database.query
      .insertInto('accounts')
      .values([account('ann'), account('bob')])
      .execute();
    const other = await server.connect(name);
    let attempts = 0;
    let closing: Promise<unknown> | undefined;
    try {
      await other.query(`SET deadlock_timeout = '1min'`);
      await other.query(`BEGIN; UPDATE accounts SET claims = '{"by":"other"}' WHERE sub = 'bob'`);
      await database.transaction(async (transaction) => {
        attempts += 1;
        const disable = (sub: string) =>
          transaction.updateTable('accounts').set({ disabled: 1 }).where('sub', '=', sub).execute();
        await disable('ann');
        closing ??= (async () => {
          await eventually('the transaction waits for the other', async () => {
            const rows = await server.administer(
              `SELECT pid FROM pg_stat_activity WHERE datname = '${name}' AND usename = 'latchkey'
                AND wait_event_type = 'Lock'`,
            );
            return rows.length > 0;
          });
          await other.query(`UPDATE accounts SET claims = '{"by":"other"}' WHERE sub = 'ann'; COMMIT`);
        })();
        await disable('bob');
      });
      await closing;
    } finally {
      await other.end();
    }
    expect(attempts).to.be.above(1);
    const rows = await database.query.selectFrom('accounts').select(['disabled', 'claims']).execute();
    const both = { disabled: 1, claims: '{"by":"other"}' };
    expect(rows).to.deep.equal([both, both]);
  });

  const fail = (state: string) =>
    sql.raw(`DO $$ BEGIN RAISE EXCEPTION 'as ordered' USING ERRCODE = '${state}'; END $$`);

  it('is tried again after a serialisation failure, and nothing of the failed attempts is kept', async () => {
    const database = await open();
    let attempts = 0;
    const answer = await database.transaction(async (transaction) => {
      attempts += 1;
      await transaction
        .insertInto('accounts')
        .values(account(`attempt-${attempts}`))
        .execute();
      if (attempts < 4) await fail('40001').execute(transaction);
      return attempts;
    });
    expect(answer).to.equal(4);
    const rows = await database.query.selectFrom('accounts').select('sub').execute();
    expect(rows).to.deep.equal([{ sub: 'attempt-4' }]);
  });

  it('is given up as unavailable after a number of attempts, and after one when it is a bug', async () => {
    const database = await open();
    for (const [state, attempted, error] of [
      ['40001', 6, 'DatabaseUnavailable'],
      ['40P01', 6, 'DatabaseUnavailable'],
      ['53100', 1, 'DatabaseUnavailable'],
      ['57P03', 1, 'DatabaseUnavailable'],
      ['22012', 1, 'error'],
    ] as const) {
      let attempts = 0;
      const failure = await database
        .transaction(async (transaction) => {
          attempts += 1;
          await fail(state).execute(transaction);
        })
        .then(
          () => undefined,
          (caught: Error) => caught,
        );
      expect({ state, attempts, error: failure?.name }).to.deep.equal({ state, attempts: attempted, error });
    }
  });

  it('goes by the server’s clock, and tells its own process at once what it moved', async () => {
    const database = await open();
    const before = database.revisions.current('apis');
    const now = await database.transaction(async (transaction, begun) => {
      await database.revisions.move(transaction, 'apis');
      expect(database.revisions.current('apis'), 'not before it is committed').to.equal(before);
      return begun;
    });
    expect(database.revisions.current('apis')).to.not.equal(before);
    const [row] = await server.administer(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now',
    );
    expect(Number(row?.now) - now).to.be.within(0, 5000);
    expect(Math.abs(database.now() - Number(row?.now))).to.be.below(1000);
    const clock = Date.now;
    try {
      Date.now = () => clock() + 300_000;
      expect(Math.abs(database.now() - Number(row?.now)), 'whatever this machine thinks').to.be.below(5000);
    } finally {
      Date.now = clock;
    }
  });

  it('that was paused in the middle does not hold the others up for long', async () => {
    const [one, two] = [await open(), await open()];
    const { promise: asleep, resolve: wake } = Promise.withResolvers<void>();
    const { promise: holding, resolve: holds } = Promise.withResolvers<void>();
    const paused = one
      .transaction(async (transaction) => {
        await transaction.insertInto('accounts').values(account('paused')).execute();
        holds();
        await asleep;
        await transaction.insertInto('accounts').values(account('late')).execute();
      })
      .then(
        () => undefined,
        (caught: Error) => caught,
      );
    await holding;
    const write = () =>
      two.transaction((transaction) => transaction.insertInto('accounts').values(account('other')).execute());
    let refused = 0;
    for (;;) {
      try {
        await write();
        break;
      } catch (error) {
        expect((error as Error).name).to.equal('DatabaseUnavailable');
        refused += 1;
      }
    }
    expect(refused).to.be.within(1, 4);
    wake();
    expect((await paused)?.name).to.equal('DatabaseUnavailable');
    const rows = await two.query.selectFrom('accounts').select('sub').execute();
    expect(rows).to.deep.equal([{ sub: 'other' }]);
  });
});
