import { expect } from 'chai';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { type DirectoryPlace, describeOnEveryStore } from './directory-stores.ts';

describeOnEveryStore('a prepared query', (store) => {
  let place: DirectoryPlace;
  let database: Database;

  before(async () => {
    place = await store.makePlace();
  });
  beforeEach(async () => {
    database = await openDatabase(place.options);
  });
  afterEach(async () => {
    await database.transaction((transaction) => transaction.deleteFrom('revisions').execute());
    await database.close();
  });
  after(() => place.remove());

  const put = () =>
    database.prepare((query, given: { topic: string; number: number }) =>
      query.insertInto('revisions').values({ topic: given.topic as 'keys', number: given.number }),
    );
  const get = () =>
    database.prepare((query, given: { topic: string; least: number }) =>
      query
        .selectFrom('revisions')
        .select('number')
        .where('topic', '=', given.topic as 'keys')
        .where('number', '>=', given.least),
    );
  const numbers = (rows: { number: unknown }[]) => rows.map(({ number }) => Number(number));

  it('has the values of each call, in their places', async () => {
    const [insert, find] = [put(), get()];
    await insert({ topic: 'keys', number: 3 });
    await insert({ topic: 'apis', number: 5 });
    expect(numbers(await find({ topic: 'keys', least: 3 }))).to.deep.equal([3]);
    expect(numbers(await find({ topic: 'apis', least: 3 }))).to.deep.equal([5]);
    expect(numbers(await find({ topic: 'keys', least: 4 }))).to.deep.equal([]);
  });

  it('is part of the transaction that it is given, and goes back with it', async () => {
    const [insert, find] = [put(), get()];
    const given = { topic: 'keys', least: 0 };
    const failed = await database
      .transaction(async (transaction) => {
        await insert({ topic: 'keys', number: 1 }, transaction);
        expect(numbers(await find(given, transaction))).to.deep.equal([1]);
        throw new Error('taken back');
      })
      .catch((error: Error) => error.message);
    expect(failed).to.equal('taken back');
    expect(await find(given)).to.deep.equal([]);
  });

  it('sees nothing of a transaction that is not over', async () => {
    const [insert, find] = [put(), get()];
    const given = { topic: 'keys', least: 0 };
    const { promise: written, resolve: tellWritten } = Promise.withResolvers<void>();
    const transaction = database.transaction(async (own) => {
      await insert({ topic: 'keys', number: 1 }, own);
      tellWritten();
      // Several turns of the event loop, in which whoever asks could be answered.
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      throw new Error('taken back');
    });
    const ended = transaction.catch((error: Error) => error.message);
    await written;
    expect(await find(given)).to.deep.equal([]);
    expect(await ended).to.equal('taken back');
  });

  it('finds nothing that no store could hold', async () => {
    expect(await get()({ topic: 'keys\0', least: 0 })).to.deep.equal([]);
  });

  it('is refused with a transaction that is over', async () => {
    const insert = put();
    let over: Database['query'] | undefined;
    await database.transaction(async (transaction) => {
      over = transaction;
    });
    const error = await Promise.resolve()
      .then(() => insert({ topic: 'keys', number: 1 }, over))
      .catch((failure: unknown) => failure);
    expect(error).to.be.instanceOf(Error);
    expect(await get()({ topic: 'keys', least: 0 })).to.deep.equal([]);
  });

  for (const [what, name, compose] of [
    [
      'was worked with',
      /^least is not known/,
      (query: Database['query'], given: { least: number }) =>
        query
          .selectFrom('revisions')
          .select('number')
          .where('number', '=', given.least + 1),
    ],
    [
      'decided what it is like',
      /^least is asked for .+ no part of it$/,
      (query: Database['query'], given: { least: number }) =>
        query.selectFrom('revisions').select(given.least ? 'number' : 'topic'),
    ],
    [
      'was not named',
      /: name them$/,
      (query: Database['query'], given: { least: number }) =>
        query
          .selectFrom('revisions')
          .select('number')
          .where('number', 'in', Object.values({ ...given })),
    ],
  ] as const) {
    it(`says which value ${what} before it was known`, async () => {
      const wrong = database.prepare<{ least: number }, unknown>(compose);
      const error = await Promise.resolve()
        .then(() => wrong({ least: 1 }))
        .catch((failure: unknown) => failure);
      expect(error).to.be.instanceOf(TypeError);
      expect((error as Error).message).to.match(name);
    });
  }
});

describe('a prepared write on the embedded file', () => {
  it('by itself takes its turn, also while somebody else’s transaction has just been committed', async () => {
    const { database, close } = await openTemporaryAccounts();
    try {
      const insert = database.prepare((query, given: { topic: string }) =>
        query.insertInto('revisions').values({ topic: given.topic as 'keys', number: 1 }),
      );
      const transaction = database.transaction((own) => own.deleteFrom('revisions').execute());
      // At any moment of it: each is one turn of the queue of promises later than the one before.
      const writes = [];
      for (let turn = 0; turn < 40; turn += 1) {
        writes.push(insert({ topic: `topic ${turn}` }));
        await Promise.resolve();
      }
      for (const write of writes) expect(write).to.be.instanceOf(Promise);
      await Promise.all([transaction, ...writes]);
      const rows = await database.query.selectFrom('revisions').select('topic').execute();
      expect(rows.map(({ topic }) => topic))
        .to.include('topic 0')
        .and.include('topic 39');
    } finally {
      await close();
    }
  });
});
