import { expect } from 'chai';
import type { Account } from '../../lib/accounts/account.ts';
import type { NewAccount } from '../../lib/accounts/account-directory.ts';
import type { PasswordHasher } from '../../lib/accounts/password-hashing.ts';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import { type DirectoryStore, describeOnEveryStore } from '../database/directory-stores.ts';
import { describeAccountAdapter } from './account-adapter-contract.ts';
import { CHEAP_HASHING, openAccounts, openTemporaryAccounts } from './temporary-accounts.ts';

/** A hasher that keeps the hashes it was asked about. */
function watched(hasher: PasswordHasher): { hasher: PasswordHasher; verified: Array<string | undefined> } {
  const verified: Array<string | undefined> = [];
  return {
    verified,
    hasher: {
      ...hasher,
      verify: (hash, password) => {
        verified.push(hash);
        return hasher.verify(hash, password);
      },
    },
  };
}

/** A user base for the contract suite. */
async function openUserBase(store: DirectoryStore) {
  const { adapter, directory, close } = await openTemporaryAccounts(undefined, store);
  return {
    adapter,
    close,
    add: async (person: NewAccount) => {
      const created = await directory.create(person);
      if (created.outcome !== 'created') throw new Error(created.description);
      return created.account.sub;
    },
    disable: async (sub: string) => {
      await directory.disable(sub);
    },
    remove: async (sub: string) => {
      await directory.delete(sub);
    },
  };
}

describeOnEveryStore('SQL account adapter', (store) => {
  const password = 'a long walk at midnight';
  const openTemporary = (hasher?: PasswordHasher) => openTemporaryAccounts(hasher, store);

  describeAccountAdapter('SQL', () => openUserBase(store));

  it('does one verification for a known, an unknown, a disabled, a passwordless and an impossible login', async () => {
    const { hasher, verified } = watched(createPasswordHasher(CHEAP_HASHING));
    const { adapter, directory, close } = await openTemporary(hasher);
    try {
      await directory.create({ login: 'ann', password });
      await directory.create({ login: 'dan', password, disabled: true });
      await directory.create({ login: 'eve' });
      for (const login of ['ann', 'nobody', 'dan', 'eve', 'im\0possible']) {
        verified.length = 0;
        await adapter.verifyPassword(login, 'a guess');
        expect(verified, login).to.have.length(1);
      }
    } finally {
      await close();
    }
  });

  it('lets nobody without a password in, whatever is typed', async () => {
    const { adapter, directory, close } = await openTemporary();
    try {
      await directory.create({ login: 'eve' });
      expect(await adapter.verifyPassword('eve', '')).to.deep.equal({
        outcome: 'refused',
        reason: 'wrong_password',
      });
    } finally {
      await close();
    }
  });

  it('rehashes at sign-in when the parameters changed, once, and only for the right password', async () => {
    const first = await openTemporary();
    const created = await first.directory.create({ login: 'ann', password });
    expect(created.outcome).to.equal('created');
    const stronger = { argon2: { memory: 64, iterations: 2, parallelism: 1 } };
    const second = await openAccounts(first.options, createPasswordHasher(stronger));
    const storedHash = async () =>
      (await second.database.query.selectFrom('passwords').select('hash').executeTakeFirstOrThrow()).hash;
    try {
      const before = await storedHash();
      expect(before).to.match(/^\$argon2id\$v=19\$m=8,t=1,p=1\$/);
      await second.adapter.verifyPassword('ann', 'a guess');
      expect(await storedHash()).to.equal(before);
      expect((await second.adapter.verifyPassword('ann', password)).outcome).to.equal('verified');
      const after = await storedHash();
      expect(after).to.match(/^\$argon2id\$v=19\$m=64,t=2,p=1\$/);
      expect((await second.adapter.verifyPassword('ann', password)).outcome).to.equal('verified');
      expect(await storedHash()).to.equal(after);
    } finally {
      await second.close();
      await first.close();
    }
  });

  it('does not put an old password back when it is changed during the sign-in that rehashes', async () => {
    const first = await openTemporary();
    const created = await first.directory.create({ login: 'ann', password });
    if (created.outcome !== 'created') throw new Error(created.description);
    const stronger = createPasswordHasher({ argon2: { memory: 64, iterations: 1, parallelism: 1 } });
    const second = await openAccounts(first.options, {
      ...stronger,
      hash: async (text) => {
        const hashed = await stronger.hash(text);
        if (text === password) await first.directory.setPassword(created.account.sub, 'another walk at noon');
        return hashed;
      },
    });
    try {
      await second.adapter.verifyPassword('ann', password);
      expect(await first.adapter.verifyPassword('ann', password)).to.have.property('outcome', 'refused');
      expect(await first.adapter.verifyPassword('ann', 'another walk at noon')).to.have.property(
        'outcome',
        'verified',
      );
    } finally {
      await second.close();
      await first.close();
    }
  });

  it('refuses a person who is disabled while the password is being checked', async () => {
    const base = createPasswordHasher(CHEAP_HASHING);
    let meanwhile = async (): Promise<void> => {};
    const { adapter, directory, close } = await openTemporary({
      ...base,
      verify: async (hash, text) => {
        const verdict = await base.verify(hash, text);
        await meanwhile();
        return verdict;
      },
    });
    try {
      const created = await directory.create({ login: 'ann', password });
      if (created.outcome !== 'created') throw new Error(created.description);
      meanwhile = async () => {
        await directory.disable(created.account.sub);
      };
      expect(await adapter.verifyPassword('ann', password)).to.deep.equal({
        outcome: 'refused',
        reason: 'disabled',
      });
    } finally {
      await close();
    }
  });

  it('is unavailable, not wrong, when hashing is too busy', async () => {
    const busy: PasswordHasher = {
      hash: async () => ({ outcome: 'busy' }),
      verify: async () => 'busy',
      needsRehash: () => false,
    };
    const { adapter, directory, close } = await openTemporary(busy);
    try {
      expect(await adapter.verifyPassword('ann', password)).to.deep.equal({ outcome: 'unavailable' });
      expect(await directory.create({ login: 'ann', password })).to.include({
        outcome: 'refused',
        reason: 'busy',
      });
    } finally {
      await close();
    }
  });

  it('sees what another connection changed, though it remembers people', async () => {
    const first = await openTemporary();
    const second = await openAccounts(first.options);
    try {
      const created = await first.directory.create({ login: 'ann', claims: { name: 'Ann' } });
      if (created.outcome !== 'created') throw new Error(created.description);
      const { sub } = created.account;
      const noticed = async (condition: (account: Account | undefined) => boolean): Promise<void> => {
        const deadline = performance.now() + 5000;
        while (!condition(await second.adapter.findBySub(sub))) {
          if (performance.now() > deadline) throw new Error('the change was not noticed');
          await new Promise((resolve) => setImmediate(resolve));
        }
      };
      let last: Account | undefined;
      // The same object twice: it is remembered.
      await noticed((account) => {
        const same = account !== undefined && account === last;
        last = account;
        return same;
      });
      await first.directory.update(sub, { claims: { name: 'Anna' } });
      expect((await first.adapter.findBySub(sub))?.claims, 'at once in its own').to.include({ name: 'Anna' });
      await noticed((account) => account?.claims.name === 'Anna');
      await first.directory.disable(sub);
      expect(await first.adapter.findBySub(sub)).to.include({ disabled: true });
      await noticed((account) => account?.disabled === true);
      await first.directory.enable(sub);
      await noticed((account) => account?.disabled === false);
      await first.directory.delete(sub);
      expect(await first.adapter.findBySub(sub)).to.equal(undefined);
      await noticed((account) => account === undefined);
    } finally {
      await second.close();
      await first.close();
    }
  });

  it('hands out people that no caller can change for another', async () => {
    const { adapter, directory, close } = await openTemporary();
    try {
      const created = await directory.create({ login: 'ann', claims: { address: { country: 'CA' } } });
      if (created.outcome !== 'created') throw new Error(created.description);
      const account = await adapter.findBySub(created.account.sub);
      expect(() => {
        (account?.claims.address as Record<string, unknown>).country = 'US';
      }).to.throw(TypeError);
    } finally {
      await close();
    }
  });
});
