import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Clients, openClients } from '../../lib/clients/clients.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { openAccounts } from '../accounts/temporary-accounts.ts';
import { configuration } from '../clients/client-bench.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { databaseSettings } from './directory-stores.ts';
import { PostgresServer } from './postgres-server.ts';

/** Time-outs (ms) that a test can wait for, and that a busy machine without trouble keeps: what it does not keep is told as trouble. */
const settings = { ...databaseSettings, connectTimeout: 2000, statementTimeout: 2000 };
/** Both time-outs, the moment that this side waits longer than the server, and room for a slow machine. */
const ANSWERED = 2000 + 2000 + 500 + 7500;

describe('PostgreSQL in trouble', function () {
  this.timeout(120_000);
  let server: PostgresServer;
  let dataDir: string;
  let name: string;
  let closers: (() => Promise<void>)[];
  let said: string[];
  const unhandled: unknown[] = [];
  const notice = (reason: unknown) => unhandled.push(reason);

  before(async () => {
    server = await PostgresServer.start();
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-faults-'));
    process.on('unhandledRejection', notice);
  });
  after(async () => {
    process.off('unhandledRejection', notice);
    await server?.remove();
    rmSync(dataDir, { recursive: true });
  });
  beforeEach(async () => {
    name = await server.createDatabase();
    closers = [];
    said = [];
  });
  afterEach(async () => {
    for (const close of closers) await close();
    expect(unhandled).to.deep.equal([]);
  });

  const options = (changed: Partial<typeof settings> = {}) => ({
    dataDir,
    encryptionKey: [],
    databaseUrl: server.url(name),
    database: { ...settings, ...changed },
  });

  async function open(
    changed: Partial<typeof settings> = {},
  ): Promise<{ database: Database; clients: Clients }> {
    const log = {
      info: (_details: object, message: string) => said.push(message),
      warn: (_details: object, message: string) => said.push(message),
    };
    const database = await openDatabase(options(changed), log);
    closers.push(() => database.close());
    return { database, clients: openClients({ database, configuration, log: { error: () => {} } }) };
  }

  async function createService(clients: Clients): Promise<string> {
    const created = await clients.create({ grant_types: ['client_credentials'] });
    if (created.outcome !== 'created') throw new Error(created.description);
    return created.client.clientId;
  }

  /** Fails as unavailable, and in time. */
  async function unavailable(call: () => unknown): Promise<void> {
    const begun = performance.now();
    const failure = await (async () => call())().then(
      () => undefined,
      (error: Error) => error,
    );
    expect(failure?.name, failure?.stack).to.equal('DatabaseUnavailable');
    expect(performance.now() - begun).to.be.below(ANSWERED);
  }

  const recovered = (database: Database) =>
    eventually('it answers again', () =>
      database.check().then(
        () => true,
        () => false,
      ),
    );

  for (const [trouble, begin, end] of [
    ['that stopped', () => server.stop(), () => server.restart()],
    ['that was killed', () => server.kill(), () => server.restart()],
    ['that hangs', async () => server.pause(), async () => server.resume()],
  ] as const) {
    it(`${trouble} is told apart from an answer in time, serves what is remembered, and comes back by itself`, async () => {
      const { database, clients } = await open();
      const [known, unknown] = [await createService(clients), await createService(clients)];
      await clients.find(known);
      // Several connections, so that more than one is there to break.
      await Promise.all(Array.from({ length: 5 }, () => database.check()));
      await begin();
      try {
        await Promise.all([
          unavailable(() => database.check()),
          unavailable(() => clients.find(unknown)),
          unavailable(() => clients.list()),
          unavailable(() => clients.delete(known)),
          unavailable(() => database.revisions.latest('keys')),
        ]);
        expect(await clients.find(known), 'what is remembered').to.include({ clientId: known });
        await eventually('it is told once', () => said.length > 0);
      } finally {
        await end();
      }
      await recovered(database);
      expect(await clients.find(unknown)).to.include({ clientId: unknown });
      expect(await clients.find(known), 'what was refused was not done').to.include({ clientId: known });
      await eventually('it is told that it is over', () => said.length > 1);
      expect(said).to.deep.equal([
        'the database does not answer; what is remembered of it serves for a while',
        'the database answers again',
      ]);
    });
  }

  it('for longer than what is remembered may count makes even that unavailable', async () => {
    const { database, clients } = await open({ staleness: 1 });
    const clientId = await createService(clients);
    await eventually('it is remembered', () => !(clients.find(clientId) instanceof Promise));
    await server.stop();
    try {
      await eventually('it is not trusted any more', () => {
        try {
          return clients.find(clientId) === undefined;
        } catch (error) {
          expect((error as Error).name).to.equal('DatabaseUnavailable');
          expect((error as Error).message).to.match(/^PostgreSQL has not answered for 1 s/);
          return true;
        }
      });
    } finally {
      await server.restart();
    }
    await recovered(database);
    await eventually('it is trusted again', async () => {
      try {
        return (await clients.find(clientId)) !== undefined;
      } catch {
        return false;
      }
    });
  });

  it('makes people unavailable, never unknown, and a password not judged, never wrong', async () => {
    const accounts = await openAccounts(options());
    closers.push(() => accounts.close());
    const created = await accounts.directory.create({ login: 'ann', password: 'a long walk at midnight' });
    if (created.outcome !== 'created') throw new Error(created.description);
    await server.stop();
    try {
      const failed = (error: Error) => error.name;
      expect(await accounts.adapter.findBySub('somebody').catch(failed)).to.equal('AccountsUnavailable');
      expect(await accounts.adapter.findByLogin('ann').catch(failed)).to.equal('AccountsUnavailable');
      expect(await accounts.adapter.verifyPassword('ann', 'a long walk at midnight')).to.include({
        outcome: 'unavailable',
      });
      expect(await accounts.directory.disable(created.account.sub).catch(failed)).to.equal(
        'DatabaseUnavailable',
      );
    } finally {
      await server.restart();
    }
    await recovered(accounts.database);
    expect(await accounts.adapter.findBySub(created.account.sub)).to.include({ disabled: false });
  });

  it('that cuts a connection in the middle of a transaction keeps nothing of it, and breaks nothing else', async () => {
    const { database } = await open();
    const account = { login: 'ann', disabled: 0, claims: '{}', created_at: 0, updated_at: 0 };
    await unavailable(() =>
      database.transaction(async (transaction) => {
        await transaction
          .insertInto('accounts')
          .values({ sub: 'ann', ...account })
          .execute();
        await server.administer(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'
            AND state = 'idle in transaction'`,
        );
        await transaction.insertInto('passwords').values({ sub: 'ann', hash: 'x', changed_at: 0 }).execute();
      }),
    );
    expect(await database.query.selectFrom('accounts').select('sub').execute()).to.deep.equal([]);
  });

  it('that is too slow is unavailable after the time that is set', async () => {
    const { database, clients } = await open();
    const clientId = await createService(clients);
    const other = await server.connect(name);
    try {
      await other.query('BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE');
      await unavailable(() => clients.find(clientId));
      await unavailable(() => clients.update(clientId, { client_name: 'X' }, { merge: true }));
      await database.check();
    } finally {
      await other.end();
    }
    expect(await clients.find(clientId)).to.include({ clientId });
  });

  it('has all connections taken: who waits too long is told so, and the next is served', async () => {
    const { database } = await open({ poolSize: 2 });
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const holders = [1, 2].map(() =>
      database.query.connection().execute(async () => {
        await released;
      }),
    );
    await unavailable(() => database.check());
    release();
    await Promise.all(holders);
    await database.check();
  });

  it('does not keep a process from closing', async () => {
    const { database } = await open();
    await database.check();
    closers.pop();
    server.pause();
    try {
      const begun = performance.now();
      await database.close();
      expect(performance.now() - begun).to.be.below(ANSWERED + 1000);
    } finally {
      server.resume();
    }
  });
});
