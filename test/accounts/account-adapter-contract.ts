import { expect } from 'chai';
import type { AccountAdapter } from '../../lib/accounts/account-adapter.ts';

/** A user base that the suite can fill. */
export interface UserBase {
  adapter: AccountAdapter;
  add(person: { login: string; password: string; claims?: Record<string, unknown> }): Promise<string>;
  disable(sub: string): Promise<void>;
  remove(sub: string): Promise<void>;
  close(): Promise<void>;
}

/** What every account adapter keeps, whatever stands behind it. */
export function describeAccountAdapter(name: string, open: () => Promise<UserBase>): void {
  describe(`account adapter contract: ${name}`, () => {
    const password = 'a long walk at midnight';
    let base: UserBase;
    let sub: string;

    beforeEach(async () => {
      base = await open();
      sub = await base.add({
        login: 'Ann@Example.com',
        password,
        claims: {
          email: 'Ann@Example.com',
          email_verified: true,
          name: 'Ann Arbor',
          phone_number: '+1 604 555 1234',
          address: { country: 'CA' },
          groups: ['staff'],
        },
      });
    });
    afterEach(() => base.close());

    it('finds a person by sub, and nobody by another', async () => {
      const account = await base.adapter.findBySub(sub);
      expect(account).to.include({ sub, login: 'ann@example.com', disabled: false });
      expect(account?.claims).to.include({ name: 'Ann Arbor', email_verified: true });
      expect(await base.adapter.findBySub('nobody')).to.equal(undefined);
    });

    it('gives a sub of 1 to 255 visible ASCII characters', () => {
      expect(sub).to.match(/^[\x21-\x7e]{1,255}$/);
    });

    for (const spelling of [
      'ann@example.com',
      'ANN@EXAMPLE.COM',
      ' ann@example.com\n',
      'ａｎｎ@example.com',
    ]) {
      it(`takes ${JSON.stringify(spelling)} for the same login`, async () => {
        expect((await base.adapter.findByLogin(spelling))?.sub).to.equal(sub);
        expect(await base.adapter.verifyPassword(spelling, password)).to.have.property('outcome', 'verified');
      });
    }

    it('verifies the right password and tells whose it is', async () => {
      const verification = await base.adapter.verifyPassword('ann@example.com', password);
      if (verification.outcome !== 'verified') throw new Error(`outcome ${verification.outcome}`);
      expect(verification.account).to.include({ sub, disabled: false });
    });

    it('refuses a wrong password, an empty one, and one in other case', async () => {
      for (const wrong of ['', `${password} `, password.toUpperCase(), `${password}\0`]) {
        expect(await base.adapter.verifyPassword('ann@example.com', wrong)).to.deep.equal({
          outcome: 'refused',
          reason: 'wrong_password',
        });
      }
    });

    for (const stranger of [
      'bob@example.com',
      '',
      'ann@example.com\0',
      'a\u200bnn@example.com',
      "' OR 1=1 --",
      '__proto__',
      'x'.repeat(100_000),
      '\ud800',
    ]) {
      it(`knows nobody called ${JSON.stringify(stranger.slice(0, 24))}`, async () => {
        expect(await base.adapter.findByLogin(stranger)).to.equal(undefined);
        expect(await base.adapter.verifyPassword(stranger, password)).to.deep.equal({
          outcome: 'refused',
          reason: 'unknown',
        });
      });
    }

    it('shows a disabled person as such at once, and refuses the right password', async () => {
      await base.adapter.findBySub(sub);
      await base.disable(sub);
      expect(await base.adapter.findBySub(sub)).to.include({ sub, disabled: true });
      expect(await base.adapter.findByLogin('ann@example.com')).to.include({ sub, disabled: true });
      expect(await base.adapter.verifyPassword('ann@example.com', password)).to.deep.equal({
        outcome: 'refused',
        reason: 'disabled',
      });
    });

    it('tells that a person is disabled only to who knows the password', async () => {
      await base.disable(sub);
      expect(await base.adapter.verifyPassword('ann@example.com', 'a guess')).to.deep.equal({
        outcome: 'refused',
        reason: 'wrong_password',
      });
    });

    it('forgets a removed person at once', async () => {
      await base.adapter.findBySub(sub);
      await base.remove(sub);
      expect(await base.adapter.findBySub(sub)).to.equal(undefined);
      expect(await base.adapter.verifyPassword('ann@example.com', password)).to.deep.equal({
        outcome: 'refused',
        reason: 'unknown',
      });
    });

    it('releases claims by scope and no others', async () => {
      const account = await base.adapter.findBySub(sub);
      if (account === undefined) throw new Error('not found');
      const claims = async (...scopes: string[]) => base.adapter.claimsFor(account, new Set(scopes));
      expect(await claims('openid')).to.deep.equal({ sub });
      expect(await claims('openid', 'email')).to.deep.equal({
        sub,
        email: 'Ann@Example.com',
        email_verified: true,
      });
      expect(await claims('profile'))
        .to.include({ sub, name: 'Ann Arbor' })
        .and.not.have.any.keys('email', 'groups');
      expect(await claims('phone')).to.deep.include({ phone_number: '+1 604 555 1234' });
      expect(await claims('address')).to.deep.include({ address: { country: 'CA' } });
      expect(await claims('groups')).to.deep.equal({ sub, groups: ['staff'] });
      expect(await claims('name', 'offline_access', '__proto__', 'constructor')).to.deep.equal({ sub });
    });
  });
}
