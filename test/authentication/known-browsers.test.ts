import { expect } from 'chai';
import type { Account } from '../../lib/accounts/account-adapter.ts';
import { KnownBrowsers } from '../../lib/authentication/known-browsers.ts';
import { openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';

const DAY = 86_400;
const ANN = 'ann@example.com';

describeOnEveryStore('browsers that people have signed in with', (store) => {
  let accounts: Awaited<ReturnType<typeof openTemporaryAccounts>>;
  let browsers: KnownBrowsers;
  let ann: Account;
  let bob: Account;

  before(async () => {
    accounts = await openTemporaryAccounts(undefined, store);
    browsers = open();
    [ann, bob] = await Promise.all([create(ANN), create('bob@example.com')]);
  });
  after(() => accounts.close());
  afterEach(async () => {
    await browsers.forget(ann.sub);
    await browsers.forget(bob.sub);
  });

  const open = (seconds = 90 * DAY): KnownBrowsers =>
    new KnownBrowsers({ database: accounts.database, seconds });

  async function create(login: string): Promise<Account> {
    const created = await accounts.directory.create({ login, password: 'a long walk at midnight' });
    if (created.outcome !== 'created') throw new Error(created.description);
    return created.account;
  }

  const know = async (person: Account, held?: string): Promise<string> =>
    (await browsers.know(person, held)) ?? held ?? '';

  /** Moves what there is back in time (s). */
  async function age(seconds: number): Promise<void> {
    await accounts.database.transaction(async (transaction) => {
      await transaction
        .updateTable('passwords')
        .set((row) => ({ changed_at: row('changed_at', '-', seconds * 1000) }))
        .execute();
      await transaction
        .updateTable('known_browsers')
        .set((row) => ({
          created_at: row('created_at', '-', seconds * 1000),
          expires_at: row('expires_at', '-', seconds * 1000),
        }))
        .execute();
    });
  }

  it('are known for whoever has signed in there, by any spelling, and for nobody else', async () => {
    const held = await know(ann);
    expect(await browsers.find(ANN, held)).to.be.a('string');
    expect(await browsers.find(' ANN@Example.com', held)).to.be.a('string');
    expect(await browsers.find('bob@example.com', held)).to.equal(undefined);
    expect(await browsers.find('nobody', held)).to.equal(undefined);
    for (const other of [undefined, '', 'x', `${held}x`, held.slice(1), 'A'.repeat(43), '.'.repeat(9999)]) {
      expect(await browsers.find(ANN, other), String(other)).to.equal(undefined);
    }
  });

  it('hold a token that says nothing of anybody, and the directory only its digest', async () => {
    const held = await know(ann);
    expect(held)
      .to.match(/^[\w-]{43}$/)
      .and.not.contain(ann.sub);
    expect(await know(ann), 'another browser’s').to.not.equal(held);
    const rows = await accounts.database.query.selectFrom('known_browsers').selectAll().execute();
    expect(JSON.stringify(rows)).to.not.contain(held).and.not.contain(ANN);
  });

  it('hold one for each person, of five people at most', async () => {
    const together = await know(bob, await know(ann));
    expect(together.split('.')).to.have.length(2);
    expect(await browsers.find(ANN, together)).to.not.equal(await browsers.find('bob@example.com', together));
    let held = together;
    for (let index = 0; index < 5; index += 1)
      held = await know(await create(`guest${index}-${held.slice(0, 9)}`), held);
    expect(held.split('.')).to.have.length(5);
    expect(await browsers.find(ANN, held)).to.equal(undefined);
  });

  it('get another token once a day, and the one of before is void', async () => {
    const first = await know(ann);
    expect(await browsers.know(ann, first), 'the same day').to.equal(undefined);
    await age(DAY + 1);
    expect(await browsers.find(ANN, first)).to.be.a('string');
    const second = await know(ann, first);
    expect(second).to.not.equal(first);
    expect(await browsers.find(ANN, second)).to.be.a('string');
    expect(await browsers.find(ANN, first)).to.equal(undefined);
  });

  it('are unknown after the time that is configured, also one that became shorter, and never known when it is 0', async () => {
    const held = await know(ann);
    await age(2 * DAY);
    expect(await open(DAY).find(ANN, held)).to.equal(undefined);
    expect(await browsers.find(ANN, held)).to.be.a('string');
    expect(await open(0).find(ANN, held)).to.equal(undefined);
    expect(await open(0).know(ann, undefined)).to.equal(undefined);
    await age(89 * DAY);
    expect(await browsers.find(ANN, held)).to.equal(undefined);
  });

  it('are unknown once the password is another, whoever changed it', async () => {
    const held = await know(ann);
    await age(1);
    expect(await browsers.find(ANN, held)).to.be.a('string');
    await accounts.directory.setPassword(ann.sub, 'a short walk at noon');
    expect(await browsers.find(ANN, held)).to.equal(undefined);
    expect(await browsers.find(ANN, await know(ann, held))).to.be.a('string');
  });

  it('are forgotten one by one, all but one, and all of a person', async () => {
    const [one, two, three, ofBob] = [await know(ann), await know(ann), await know(ann), await know(bob)];
    await browsers.forgetOne((await browsers.find(ANN, one)) ?? '');
    expect(await browsers.find(ANN, one)).to.equal(undefined);
    await browsers.forget(ann.sub, `${two}.${ofBob}`);
    expect(await browsers.find(ANN, two)).to.be.a('string');
    expect(await browsers.find(ANN, three)).to.equal(undefined);
    await browsers.forget(ann.sub);
    expect(await browsers.find(ANN, two)).to.equal(undefined);
    expect(await browsers.find('bob@example.com', ofBob)).to.be.a('string');
  });

  it('are twenty of one person at most, and leave with them', async () => {
    const first = await know(ann);
    await age(1);
    const held = await Promise.all(Array.from({ length: 25 }, () => know(ann)));
    const found = await Promise.all(held.map((each) => browsers.find(ANN, each)));
    expect(found.filter((each) => each !== undefined).length).to.be.within(20, 25);
    const last = await know(ann);
    const count = async () =>
      (
        await accounts.database.query
          .selectFrom('known_browsers')
          .select('digest')
          .where('sub', '=', ann.sub)
          .execute()
      ).length;
    expect(await count()).to.equal(20);
    expect(await browsers.find(ANN, last)).to.be.a('string');
    expect(await browsers.find(ANN, first)).to.equal(undefined);
    const leaving = await create(`leaving@${store.name.toLowerCase()}.example`);
    await know(leaving);
    await accounts.directory.delete(leaving.sub);
    const rows = await accounts.database.query.selectFrom('known_browsers').select('sub').execute();
    expect(rows.map(({ sub }) => sub)).to.not.include(leaving.sub);
  });

  it('are known by the login that was theirs, and by another once they have signed in with that', async () => {
    const held = await know(ann);
    const renamed = { ...ann, login: 'ann.arbor@example.com' };
    expect(await browsers.find(renamed.login, held)).to.equal(undefined);
    const next = await know(renamed, held);
    expect(await browsers.find(renamed.login, next)).to.be.a('string');
    expect(await browsers.find(ANN, next)).to.equal(undefined);
  });
});
