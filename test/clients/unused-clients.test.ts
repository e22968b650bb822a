import { expect } from 'chai';
import { ClientDocuments } from '../../lib/clients/client-documents.ts';
import { digestSecret } from '../../lib/clients/client-secret.ts';
import { openClients } from '../../lib/clients/clients.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';
import { UnusedClients } from '../../lib/clients/unused-clients.ts';
import { onClock } from '../../lib/database/database.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { ClientBench, configuration } from './client-bench.ts';

const DAY = 86_400_000;

describeOnEveryStore('applications that registered themselves', (store) => {
  let bench: ClientBench;
  beforeEach(async () => {
    bench = await ClientBench.make(store);
  });
  afterEach(() => bench.close());

  it('are deleted when they are not used for long, and what the operator registered is not', async () => {
    let now = Date.now();
    const { database } = await bench.open();
    const clock = onClock(database, () => now);
    const clients = openClients({ database: clock, configuration, log: { error: () => {} } });
    const metadata = { redirect_uris: ['https://app.example/cb'] };
    const register = async () => {
      const made = await clients.register(metadata, { tokenDigest: digestSecret('token') });
      if (made.outcome !== 'created') throw new Error(made.outcome);
      return made.client;
    };
    const used = await register();
    const unused = await register();
    await clients.create({ ...metadata, client_id: 'operators' });
    const ended: string[] = [];
    const sweeper = new UnusedClients({
      database: clock,
      lifetime: (30 * DAY) / 1000,
      endClient: async (clientId) => {
        ended.push(clientId);
      },
      log: { warn: (details, message) => expect.fail(`${message}: ${JSON.stringify(details)}`) },
    });
    now += 20 * DAY;
    expect(await sweeper.sweep()).to.equal(0);
    sweeper.used(used);
    const lastUse = () =>
      database.query
        .selectFrom('clients')
        .select('last_used_at')
        .where('client_id', '=', used.clientId)
        .executeTakeFirst();
    await eventually('the use is noted', async () => Number((await lastUse())?.last_used_at) === now);
    now += 11 * DAY;
    expect(await sweeper.sweep()).to.equal(1);
    expect(ended).to.deep.equal([unused.clientId]);
    expect((await clients.list()).map(({ clientId }) => clientId)).to.have.members([
      used.clientId,
      'operators',
    ]);
    now += 20 * DAY;
    expect(await sweeper.sweep()).to.equal(1);
  });

  it('by a document are forgotten when nobody asks for it for long, an address without one after a day', async () => {
    let now = Date.now();
    const { database } = await bench.open();
    const clock = onClock(database, () => now);
    const documents = new ClientDocuments({ database: clock, configuration });
    const sweeper = new UnusedClients({
      database: clock,
      lifetime: 1,
      endClient: async () => {},
      log: { warn: (details, message) => expect.fail(`${message}: ${JSON.stringify(details)}`) },
    });
    const [there, nothing] = ['https://app.example/client.json', 'https://app.example/nothing'];
    const checked = checkMetadata({ redirect_uris: ['https://app.example/cb'] }, configuration);
    if (checked.outcome !== 'valid') throw new Error(checked.description);
    const { metadata } = checked;
    await documents.keep(there, { outcome: 'read', metadata, age: 60, staleAge: 60 }, now);
    await documents.keep(nothing, { outcome: 'unusable', problem: 'no JSON', age: 60 }, now);
    const kept = async () => {
      await sweeper.sweep();
      const rows = await database.query.selectFrom('client_documents').select('client_id').execute();
      return rows.map(({ client_id: address }) => address).sort();
    };
    now += DAY;
    expect(await kept()).to.deep.equal([there, nothing]);
    now += 1;
    expect(await kept()).to.deep.equal([there]);
    now += 90 * DAY;
    expect(await kept()).to.deep.equal([]);
  });
});
