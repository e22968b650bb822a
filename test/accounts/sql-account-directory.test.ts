import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { AccountRecord, NewAccount } from '../../lib/accounts/account-directory.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { openTemporaryAccounts } from './temporary-accounts.ts';

const run = promisify(execFile);

describeOnEveryStore('SQL account directory', (store) => {
  let accounts: Awaited<ReturnType<typeof openTemporaryAccounts>>;
  beforeEach(async () => {
    accounts = await openTemporaryAccounts(undefined, store);
  });
  afterEach(() => accounts.close());

  async function create(person: NewAccount): Promise<AccountRecord> {
    const created = await accounts.directory.create(person);
    if (created.outcome !== 'created') throw new Error(created.description);
    return created.account;
  }

  it('creates a person whose login defaults to the email, unverified until told otherwise', async () => {
    const account = await create({
      password: 'a long walk at midnight',
      claims: { email: 'Ann@Example.com' },
    });
    expect(account).to.include({ login: 'ann@example.com', disabled: false, hasPassword: true });
    expect(account.claims).to.include({ email: 'Ann@Example.com', email_verified: false });
    expect(account.claims.updated_at).to.equal(Math.floor(account.updatedAt / 1000));
  });

  it('draws subs of at least 128 bits that are no option on a command line', async () => {
    const subs = new Set<string>();
    for (let index = 0; index < 200; index += 1) subs.add((await create({ login: `person-${index}` })).sub);
    expect(subs.size).to.equal(200);
    for (const sub of subs) expect(sub).to.match(/^[A-Za-z0-9_][A-Za-z0-9_-]{26}$/);
  });

  it('refuses a login that is taken in whatever spelling', async () => {
    await create({ login: 'ann' });
    for (const login of ['ann', 'ANN', 'ａｎｎ', ' ann ']) {
      expect(await accounts.directory.create({ login })).to.include({
        outcome: 'refused',
        reason: 'login_taken',
      });
    }
  });

  it('lets one of many creations of one login at once win', async () => {
    const creations = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        accounts.directory.create({
          login: index % 2 === 0 ? 'ann' : 'ANN',
          password: 'a long walk at midnight',
        }),
      ),
    );
    const outcomes = creations.map((creation) =>
      creation.outcome === 'created' ? 'created' : creation.reason,
    );
    expect(outcomes.filter((outcome) => outcome === 'created')).to.have.length(1);
    expect(outcomes.filter((outcome) => outcome === 'login_taken')).to.have.length(19);
  });

  it('lets one of several processes win each login', async () => {
    const script = fileURLToPath(new URL('./create-accounts.ts', import.meta.url));
    const place = JSON.stringify(accounts.options);
    const options = ['--disable-warning=ExperimentalWarning', script, place, '60'];
    const printed = await Promise.all([1, 2, 3].map(() => run(process.execPath, options)));
    const outcomes = printed.map(
      ({ stdout }) => JSON.parse(stdout) as { created?: number; login_taken?: number },
    );
    expect(outcomes.reduce((sum, { created = 0 }) => sum + created, 0)).to.equal(60);
    expect(outcomes.reduce((sum, { login_taken = 0 }) => sum + login_taken, 0)).to.equal(120);
    expect((await accounts.directory.list({ limit: 200 })).accounts).to.have.length(60);
  });

  for (const [what, person, refusal] of [
    ['no login at all', {}, { reason: 'invalid_login' }],
    ['an invisible character', { login: 'a\u200bnn' }, { reason: 'invalid_login' }],
    [
      'a bad claim',
      { login: 'ann', claims: { birthdate: 'yesterday' } },
      { reason: 'invalid_claims', claim: 'birthdate' },
    ],
    ['a short password', { login: 'ann', password: 'short' }, { reason: 'unacceptable_password' }],
    ['a common password', { login: 'ann', password: 'Password123' }, { reason: 'unacceptable_password' }],
    [
      'the login as password',
      { login: 'annabella', password: 'Annabella' },
      { reason: 'unacceptable_password' },
    ],
  ] as const) {
    it(`refuses ${what} in words, and keeps nothing`, async () => {
      const refused = await accounts.directory.create(person);
      expect(refused).to.include({ outcome: 'refused', ...refusal });
      expect(refused).to.have.property('description').that.is.a('string').and.not.empty;
      expect((await accounts.directory.list()).accounts).to.deep.equal([]);
    });
  }

  it('lists in pages, in order of logins, everybody once', async () => {
    for (const login of ['cy', 'ann', 'éve', 'bob', 'dan']) await create({ login });
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const page = await accounts.directory.list(after === undefined ? { limit: 2 } : { limit: 2, after });
      expect(page.accounts.length).to.be.at.most(2);
      seen.push(...page.accounts.map(({ login }) => login));
      after = page.next;
    } while (after !== undefined);
    expect(seen).to.deep.equal(['ann', 'bob', 'cy', 'dan', 'éve']);
  });

  it('shows by sub and by login in whatever spelling', async () => {
    const { sub } = await create({ login: 'ann' });
    expect((await accounts.directory.show(sub))?.sub).to.equal(sub);
    expect((await accounts.directory.show('ANN'))?.sub).to.equal(sub);
    expect(await accounts.directory.show('bob')).to.equal(undefined);
    expect(await accounts.directory.show('\0')).to.equal(undefined);
  });

  it('merges claims, removes by null, and takes the verified mark from a new email', async () => {
    const { sub } = await create({
      login: 'ann',
      claims: { email: 'a@example.com', email_verified: true, name: 'A' },
    });
    const same = await accounts.directory.update(sub, { claims: { email: 'a@example.com', nickname: 'an' } });
    if (same.outcome !== 'updated') throw new Error(same.outcome);
    expect(same.account.claims).to.include({ email_verified: true, name: 'A', nickname: 'an' });
    const other = await accounts.directory.update(sub, { claims: { email: 'b@example.com', name: null } });
    if (other.outcome !== 'updated') throw new Error(other.outcome);
    expect(other.account.claims).to.include({ email: 'b@example.com', email_verified: false });
    expect(other.account.claims).to.not.have.property('name');
  });

  it('keeps both of two updates at once', async () => {
    const { sub } = await create({ login: 'ann' });
    await Promise.all([
      accounts.directory.update(sub, { claims: { given_name: 'Ann' } }),
      accounts.directory.update(sub, { claims: { family_name: 'Arbor' } }),
    ]);
    expect((await accounts.directory.show(sub))?.claims).to.include({
      given_name: 'Ann',
      family_name: 'Arbor',
    });
  });

  it('moves a login, unless it is taken', async () => {
    const { sub } = await create({ login: 'ann' });
    await create({ login: 'bob' });
    expect(await accounts.directory.update(sub, { login: 'BOB' })).to.include({ reason: 'login_taken' });
    expect(await accounts.directory.update(sub, { login: 'Anna' })).to.have.property('outcome', 'updated');
    expect((await accounts.adapter.findByLogin('anna'))?.sub).to.equal(sub);
    expect(await accounts.adapter.findByLogin('ann')).to.equal(undefined);
  });

  it('does not take a prototype for a claim', async () => {
    const { sub } = await create({ login: 'ann' });
    const hostile = JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>;
    expect(await accounts.directory.update(sub, { claims: hostile })).to.include({
      reason: 'invalid_claims',
    });
  });

  it('tells that a person ended when disabled and when deleted', async () => {
    const told: unknown[] = [];
    accounts.events.on('account.ended', (event) => told.push(event));
    const { sub } = await create({ login: 'ann' });
    await accounts.directory.disable(sub);
    await accounts.directory.enable(sub);
    await accounts.directory.delete(sub);
    expect(told).to.deep.equal([
      { accountId: sub, reason: 'disabled' },
      { accountId: sub, reason: 'deleted' },
    ]);
  });

  it('sets a password by the rules, for people who have none too', async () => {
    const { sub } = await create({ login: 'ann', claims: { email: 'annabella@example.com' } });
    expect(await accounts.directory.setPassword(sub, 'annabella')).to.include({
      reason: 'unacceptable_password',
    });
    expect(await accounts.directory.setPassword(sub, 'a walk at noon')).to.have.property(
      'outcome',
      'updated',
    );
    expect(await accounts.directory.setPassword(sub, 'a walk at dusk')).to.have.property(
      'outcome',
      'updated',
    );
    expect((await accounts.adapter.verifyPassword('ann', 'a walk at noon')).outcome).to.equal('refused');
    expect((await accounts.adapter.verifyPassword('ann', 'a walk at dusk')).outcome).to.equal('verified');
  });

  it('says of a sub that nobody has that it was not found', async () => {
    const { directory } = accounts;
    for (const answer of [
      await directory.update('nobody', {}),
      await directory.disable('nobody'),
      await directory.enable('nobody'),
      await directory.delete('nobody'),
      await directory.setPassword('nobody', 'a walk at noon'),
    ]) {
      expect(answer).to.deep.equal({ outcome: 'not_found' });
    }
  });
});
