import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type Apis, openApis } from '../../lib/clients/apis.ts';
import { type Clients, openClients } from '../../lib/clients/clients.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { openAccounts } from '../accounts/temporary-accounts.ts';
import { configuration } from '../clients/client-bench.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { within } from '../flows/stopwatch.ts';
import { databaseSettings } from './directory-stores.ts';
import { PostgresServer } from './postgres-server.ts';

/** What the issue allows for a change to be seen by every process (ms). */
const A_SECOND = 1000;

describe('caches over PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let dataDir: string;
  before(async () => {
    server = await PostgresServer.start({ settings: { log_statement: 'all' } });
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-coherence-'));
  });
  after(async () => {
    await server?.remove();
    rmSync(dataDir, { recursive: true });
  });

  let name: string;
  let closers: (() => Promise<void>)[];
  beforeEach(async () => {
    name = await server.createDatabase();
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers) await close();
  });

  const options = () => ({
    dataDir,
    encryptionKey: [],
    databaseUrl: server.url(name),
    database: databaseSettings,
  });

  async function open(): Promise<{ database: Database; clients: Clients; apis: Apis }> {
    const database = await openDatabase(options());
    closers.push(() => database.close());
    const clients = openClients({ database, configuration, log: { error: () => {} } });
    return { database, clients, apis: openApis({ database, configuration }) };
  }

  async function createService(clients: Clients): Promise<string> {
    const created = await clients.create({ grant_types: ['client_credentials'], client_name: 'One' });
    if (created.outcome !== 'created') throw new Error(created.description);
    return created.client.clientId;
  }

  /** Ends every connection that listens, and answers how many there were. */
  async function endListeners(): Promise<number> {
    const rows = await server.administer(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND usename = 'latchkey'
        AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%json_object_agg%')`,
    );
    return rows.length;
  }

  it('see what another process changed, within a second', async () => {
    const [one, two] = [await open(), await open()];
    const clientId = await createService(one.clients);
    await eventually('found', async () => (await two.clients.find(clientId)) !== undefined);
    await one.apis.create({ identifier: 'https://api.example', lifetime: 60 });
    expect(await two.apis.find('https://api.example')).to.include({ lifetime: 60 });
    for (const change of [
      async () => {
        await one.clients.update(clientId, { client_name: 'Two' }, { merge: true });
        return async () => (await two.clients.find(clientId))?.metadata.client_name === 'Two';
      },
      async () => {
        await one.apis.update('https://api.example', { lifetime: 61 });
        return async () => (await two.apis.find('https://api.example'))?.lifetime === 61;
      },
      async () => {
        await one.clients.delete(clientId);
        return async () => (await two.clients.find(clientId)) === undefined;
      },
    ]) {
      const seen = await change();
      await within(A_SECOND, 'the change is seen', seen);
    }
  });

  it('see that a person was disabled, changed or deleted, within a second', async () => {
    const one = await openAccounts(options());
    closers.push(() => one.close());
    const two = await openAccounts(options());
    closers.push(() => two.close());
    const created = await one.directory.create({ login: 'ann' });
    if (created.outcome !== 'created') throw new Error(created.description);
    const { sub } = created.account;
    expect(await two.adapter.findBySub(sub)).to.include({ disabled: false });
    await one.directory.disable(sub);
    expect(await one.adapter.findBySub(sub), 'at once in its own').to.include({ disabled: true });
    await within(A_SECOND, 'disabled', async () => (await two.adapter.findBySub(sub))?.disabled === true);
    await one.directory.update(sub, { claims: { name: 'Ann' } });
    const named = async () => (await two.adapter.findBySub(sub))?.claims.name === 'Ann';
    await within(A_SECOND, 'changed', named);
    await one.directory.delete(sub);
    await within(A_SECOND, 'deleted', async () => (await two.adapter.findBySub(sub)) === undefined);
  });

  it('ask the database once for a client, however often it is found and by however many at once', async () => {
    const [one, two] = [await open(), await open()];
    const clientId = await createService(one.clients);
    const revision = two.database.revisions.current('apis');
    await one.apis.create({ identifier: 'https://api.example' });
    await eventually('it is heard of', () => two.database.revisions.current('apis') !== revision);
    const before = two.database.roundTrips;
    await Promise.all(Array.from({ length: 50 }, async () => two.clients.find(clientId)));
    expect(two.database.roundTrips - before, 'one for all who ask at once').to.equal(1);
    for (let index = 0; index < 1000; index += 1) {
      expect(two.clients.find(clientId), 'at once').to.not.be.instanceOf(Promise);
      await two.apis.find('https://api.example');
      await two.clients.verifySecret(clientId, 'a guess');
    }
    expect(two.database.roundTrips - before, 'one more for the API').to.equal(2);
    const statements = server.log
      .split('\n')
      .filter((line) => line.includes('from "clients" where "client_id"'));
    expect(statements.length, 'as the server saw it').to.be.below(10);
  });

  it('see a change though its notification is lost, by the next look', async () => {
    const [one, two] = [await open(), await open()];
    const clientId = await createService(one.clients);
    await eventually('found', async () => (await two.clients.find(clientId)) !== undefined);
    // The change of somebody who moves the number and tells nobody: the only way to hear of it is to look.
    await server.administer(
      `UPDATE clients SET metadata = replace(metadata, '"One"', '"Two"');
        UPDATE revisions SET number = number + 1 WHERE topic = 'clients'`,
      name,
    );
    const seen = async () => (await two.clients.find(clientId))?.metadata.client_name === 'Two';
    await within(2 * A_SECOND, 'the change is seen', seen);
  });

  it('see a change though the connection that listens was cut just before', async () => {
    const [one, two] = [await open(), await open()];
    const clientId = await createService(one.clients);
    await eventually('found', async () => (await two.clients.find(clientId)) !== undefined);
    expect(await endListeners()).to.equal(2);
    await one.clients.update(clientId, { client_name: 'Two' }, { merge: true });
    const seen = async () => (await two.clients.find(clientId))?.metadata.client_name === 'Two';
    await within(2 * A_SECOND, 'the change is seen', seen);
    // And notifications come again: this one faster than the next look could be.
    await eventually('it listens again', async () => {
      const rows = await server.administer(
        `SELECT pid FROM pg_stat_activity WHERE datname = '${name}' AND query LIKE '%json_object_agg%'
          AND usename = 'latchkey'`,
      );
      return rows.length === 2;
    });
  });

  it('see the state of a directory that went back in time', async () => {
    const [one, two] = [await open(), await open()];
    const clientId = await createService(one.clients);
    for (let index = 0; index < 5; index += 1) await createService(one.clients);
    await eventually('found', async () => (await two.clients.find(clientId)) !== undefined);
    await server.administer(
      `UPDATE clients SET metadata = replace(metadata, '"One"', '"Old"'); UPDATE revisions SET number = 2`,
      name,
    );
    for (const { clients } of [one, two]) {
      const seen = async () => (await clients.find(clientId))?.metadata.client_name === 'Old';
      await within(2 * A_SECOND, 'the old state is seen', seen);
    }
  });

  it('keep nothing of what was read before a change', async () => {
    const { database, clients } = await open();
    const clientId = await createService(clients);
    const blocker = await server.connect(name);
    try {
      // The read waits for the table while the change commits.
      await blocker.query('BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE');
      const reading = clients.find(clientId);
      expect(reading).to.be.instanceOf(Promise);
      const revision = database.revisions.current('clients');
      await blocker.query(`UPDATE clients SET metadata = replace(metadata, '"One"', '"Two"');
        UPDATE revisions SET number = number + 1 WHERE topic = 'clients'; COMMIT`);
      await reading;
      await eventually('it is heard of', () => database.revisions.current('clients') !== revision);
      expect((await clients.find(clientId))?.metadata.client_name).to.equal('Two');
    } finally {
      await blocker.end();
    }
  });
});
