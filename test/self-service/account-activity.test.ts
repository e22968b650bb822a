import { expect } from 'chai';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import { createLog } from '../../lib/observability/log.ts';
import { AccountActivity } from '../../lib/self-service/account-activity.ts';
import { CHEAP_HASHING, type OpenAccounts, openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';

const PERSON = {
  login: 'ada@example.com',
  password: 'correct horse battery',
  claims: { email: 'ada@example.com' },
};

describeOnEveryStore('recent activity', (store) => {
  let opened: OpenAccounts;
  let sub: string;

  before(async () => {
    opened = await openTemporaryAccounts(createPasswordHasher(CHEAP_HASHING), store);
    const created = await opened.directory.create(PERSON);
    if (created.outcome !== 'created') throw new Error(created.outcome);
    sub = created.account.sub;
  });
  after(() => opened.close());

  /** One process's. */
  const open = (): AccountActivity =>
    new AccountActivity({ ...opened, accounts: opened.adapter, log: createLog('silent') });

  afterEach(async () => {
    opened.events.removeAllListeners();
    await opened.database.query.deleteFrom('account_activity').execute();
  });

  it('is written when it closes at the latest, newest first', async () => {
    const activity = open();
    const kinds = ['signed-in', 'password-changed', 'sessions-ended', 'profile-changed', 'data-exported'];
    // In one millisecond, most of them.
    for (const kind of kinds) {
      opened.events.emit('account.activity', { accountId: sub, kind, address: '192.0.2.1', userAgent: 'x' });
    }
    await activity.close();
    const entries = await open().list(sub);
    expect(entries.map(({ kind }) => kind)).to.deep.equal(kinds.toReversed());
    expect(entries[0]).to.include({ address: '192.0.2.1', userAgent: 'x', clientId: undefined });
  });

  it('keeps the last hundred of each person, and what is younger than half a year', async () => {
    const activity = open();
    const old = { id: 'old', sub: 'another', at: Date.now() - 181 * 86_400_000, kind: 'signed-in' };
    await opened.database.query
      .insertInto('account_activity')
      .values({ ...old, address: null, user_agent: null, client_id: null })
      .execute();
    for (let count = 0; count < 150; count += 1) {
      opened.events.emit('account.activity', { accountId: sub, kind: `kind-${count}` });
    }
    await activity.close();
    const second = open();
    opened.events.emit('account.activity', { accountId: sub, kind: 'last' });
    await second.close();
    const kept = await opened.database.query.selectFrom('account_activity').select(['sub', 'kind']).execute();
    expect(kept.length).to.be.at.most(100);
    expect(kept.map(({ kind }) => kind)).to.include('last');
    expect(kept.map((row) => row.sub)).not.to.include('another');
  });

  it('counts the same failure from one place once, and those of nobody not at all', async () => {
    const activity = open();
    for (let count = 0; count < 50; count += 1) {
      activity.noteFailedLogin(PERSON.login, '192.0.2.1');
      activity.noteFailedLogin('nobody', '192.0.2.2');
    }
    activity.noteFailedLogin(` ${PERSON.login.toUpperCase()}`, '192.0.2.1');
    activity.noteFailedLogin(PERSON.login, '192.0.2.4');
    await activity.close();
    const entries = await open().list(sub);
    expect(entries.map(({ kind, address }) => `${kind} ${address}`)).to.have.members([
      'sign-in-failed 192.0.2.1',
      'sign-in-failed 192.0.2.4',
    ]);
  });

  it('remembers when an application was last used, whichever process saw it', async () => {
    const [one, other] = [open(), open()];
    opened.events.emit('application.used', { accountId: sub, clientId: 'notes' });
    await Promise.all([one.close(), other.close()]);
    const uses = await open().applicationUses(sub);
    expect([...uses.keys()]).to.deep.equal(['notes']);
    expect(uses.get('notes')).to.be.closeTo(Date.now(), 60_000);
  });

  it('goes with its person', async () => {
    const activity = open();
    opened.events.emit('account.activity', { accountId: sub, kind: 'signed-in' });
    await activity.close();
    await opened.directory.delete(sub);
    expect(await open().list(sub)).to.deep.equal([]);
    expect((await open().applicationUses(sub)).size).to.equal(0);
  });
});
