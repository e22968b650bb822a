import { expect } from 'chai';
import { AccountsUnavailable } from '../../lib/accounts/account-adapter.ts';
import { apartFromClients } from '../../lib/accounts/apart-from-clients.ts';
import { HttpAccountAdapter } from '../../lib/accounts/http-account-adapter.ts';
import { ClientDocuments } from '../../lib/clients/client-documents.ts';
import { openClients } from '../../lib/clients/clients.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { DatabaseUnavailable } from '../../lib/database/database-unavailable.ts';
import { configuration } from '../clients/client-bench.ts';
import { type DirectoryPlace, describeOnEveryStore } from '../database/directory-stores.ts';
import { describeAccountAdapter } from './account-adapter-contract.ts';
import { openTemporaryAccounts } from './temporary-accounts.ts';
import { changesOf, startUserBase } from './user-base.ts';

const token = 'token-of-the-tests-0123456789';

const told: string[] = [];
const log = {
  warn: (said: string | { clientId?: unknown }) => {
    told.push(typeof said === 'string' ? said : String(said.clientId));
  },
};

describeAccountAdapter('HTTP, apart from applications,', async () => {
  const base = await startUserBase(token);
  const { database, close } = await openTemporaryAccounts();
  const adapter = new HttpAccountAdapter({ url: base.url, token, timeout: 5000 });
  return {
    adapter: apartFromClients(adapter, { database, log }),
    ...changesOf(base),
    close: async () => {
      await base.close();
      await close();
    },
  };
});

describeOnEveryStore('a person of a user base whose sub is a client_id', (store) => {
  const ann = { login: 'ann', password: 'correct horse battery staple' };
  let place: DirectoryPlace;
  let database: Database;
  let base: Awaited<ReturnType<typeof startUserBase>>;

  beforeEach(async () => {
    place = await store.makePlace();
    database = await openDatabase(place.options);
    base = await startUserBase(token);
    told.length = 0;
  });
  afterEach(async () => {
    await base.close();
    await database.close();
    await place.remove();
  });

  const people = () =>
    apartFromClients(new HttpAccountAdapter({ url: base.url, token, timeout: 5000 }), { database, log });
  const clients = () => openClients({ database, configuration, log: { error: () => {} } });

  it('is unknown from the moment that there is such an application, as long as there is', async () => {
    const sub = base.add(ann);
    const other = base.add({ ...ann, login: 'bea' });
    const adapter = people();
    expect(await adapter.findBySub(sub)).to.include({ sub });
    const created = await clients().create({
      client_id: sub,
      grant_types: ['client_credentials'],
      client_name: 'Of the same name',
    });
    expect(created.outcome).to.equal('created');
    expect(await adapter.findBySub(sub)).to.equal(undefined);
    expect(await adapter.findByLogin('ann')).to.equal(undefined);
    expect(await adapter.verifyPassword('ann', ann.password)).to.deep.equal({
      outcome: 'refused',
      reason: 'unknown',
    });
    for (let again = 0; again < 20; again += 1) await adapter.findBySub(sub);
    // Not with each question; a revision over PostgreSQL may move more often than once for one change.
    expect(told.length).to.be.within(1, 5);
    expect(new Set(told)).to.deep.equal(new Set([sub]));
    expect(await adapter.findBySub(other)).to.include({ sub: other });
    await clients().delete(sub);
    expect(await adapter.findBySub(sub)).to.include({ sub });
  });

  it('is unknown for the sake of a document that describes an application, and never for an address alone', async () => {
    const sub = base.add(ann);
    const adapter = people();
    const documents = new ClientDocuments({ database, configuration });
    await documents.keep(sub, { outcome: 'unusable', problem: 'nothing is there', age: 60 }, database.now());
    expect(await adapter.verifyPassword('ann', ann.password)).to.include({ outcome: 'verified' });
    const described = checkMetadata({ redirect_uris: ['https://app.example/callback'] }, configuration);
    if (described.outcome !== 'valid') throw new Error(described.description);
    const read = { outcome: 'read', metadata: described.metadata, age: 60, staleAge: 60 } as const;
    await documents.keep(sub, read, database.now());
    expect(await adapter.findBySub(sub)).to.equal(undefined);
  });

  it('cannot be told apart while the directory does not answer: nobody is known or refused then', async () => {
    const sub = base.add(ann);
    const away = new DatabaseUnavailable('away');
    const revisions = {
      current: () => {
        throw away;
      },
    };
    const adapter = apartFromClients(new HttpAccountAdapter({ url: base.url, token, timeout: 5000 }), {
      database: Object.create(database, { revisions: { value: revisions } }),
      log,
    });
    const error = await adapter.findBySub(sub).catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(AccountsUnavailable).with.property('cause', away);
    expect(await adapter.verifyPassword('ann', ann.password)).to.deep.equal({
      outcome: 'unavailable',
      cause: away,
    });
  });
});
