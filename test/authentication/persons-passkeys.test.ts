import { expect } from 'chai';
import { Passkeys } from '../../lib/authentication/passkeys/passkeys.ts';
import { SecondFactors } from '../../lib/authentication/second-factors/second-factors.ts';
import { readDocument, writeDocument } from '../../lib/cli/directory-document.ts';
import { readDirectory, transferRows } from '../../lib/database/backup/directory-transfer.ts';
import { openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { configure, ORIGIN, PasskeyBench } from './passkey-bench.ts';

describe('the passkeys of a person', function () {
  this.timeout(120_000);
  describeOnEveryStore('kept', (store) => {
    let bench: PasskeyBench;

    before(async () => {
      bench = await PasskeyBench.open(store);
    });
    after(() => bench?.close());
    beforeEach(() => bench.begin());

    const remove = async (sub: string, id: string, keepsLast = false) =>
      (await bench.passkeys.remove(sub, id, { keepsLast })).outcome;

    it('are several for each person, and are not made twice in one authenticator', async () => {
      const holder = await bench.newHolder();
      const { authenticator, answer } = await bench.make(holder);
      bench.time += 1;
      await bench.make(holder, {}, ' Key\n\u0007of\tthe office '.padEnd(200, 'x'));
      expect(
        (await bench.passkeys.listOf(holder.account.sub)).map(({ name }) => name.slice(0, 17)),
      ).to.deep.equal(['Phone', 'Key of the office']);
      const options = await bench.registration.options(holder);
      expect(options.excludeCredentials?.map(({ id }) => id))
        .to.include(answer.id)
        .and.have.length(2);
      const again = authenticator.make(options);
      expect(
        await bench.registration.register(holder, { credential: JSON.stringify(again), name: '' }),
      ).to.deep.equal({ outcome: 'refused', reason: 'known' });
    });

    it('are called by the model when they have no name', async () => {
      const holder = await bench.newHolder();
      const { result } = await bench.make(holder, { aaguid: 'fbfc3007-154e-4ecc-8c0b-6e020557d7bd' }, ' ');
      expect(result).to.include({ outcome: 'registered', name: 'iCloud Keychain' });
    });

    it('are no more than twenty-five', async () => {
      const holder = await bench.newHolder();
      for (let index = 0; index < 25; index += 1) {
        expect((await bench.make(holder)).result.outcome).to.equal('registered');
      }
      expect((await bench.make(holder)).result).to.include({ outcome: 'refused', reason: 'too_many' });
    });

    it('are renamed and removed by their owner alone', async () => {
      const { account, authenticator } = await bench.holderWith();
      const id = authenticator.id.toString('base64url');
      const other = await bench.newHolder();
      expect(await bench.passkeys.rename(other.account.sub, id, 'Mine')).to.equal(false);
      expect(await bench.passkeys.rename(account.sub, '\0', 'Mine')).to.equal(false);
      expect(await remove(other.account.sub, id)).to.equal('not_found');
      expect(await bench.passkeys.rename(account.sub, id, ' Old phone ')).to.equal(true);
      expect(await bench.passkeys.rename(account.sub, id, ' ')).to.equal(true);
      expect((await bench.passkeys.find(id))?.name).to.equal('Old phone');
      expect(await remove(account.sub, id)).to.equal('removed');
      expect(await remove(account.sub, id)).to.equal('not_found');
      expect(await bench.signInWith(authenticator)).to.deep.equal({
        outcome: 'refused',
        reason: 'unknown',
        id,
      });
    });

    it('leave whoever has no password the last one, also when two are removed at once', async () => {
      const holder = await bench.newHolder();
      const { sub } = holder.account;
      await bench.make(holder);
      await bench.make(holder);
      const ids = (await bench.passkeys.listOf(sub)).map(({ id }) => id);
      const outcomes = await Promise.all(ids.map((id) => remove(sub, id, true)));
      expect(outcomes.sort()).to.deep.equal(['last', 'removed']);
      expect(await bench.passkeys.listOf(sub)).to.have.length(1);
    });

    it('move with the directory, those that are not there yet', async () => {
      const { account, authenticator } = await bench.holderWith();
      const rows = await readDirectory(bench.accounts.database);
      const { document } = writeDocument(rows, { issuer: ORIGIN, now: bench.time });
      const other = await openTemporaryAccounts();
      try {
        const { sealer } = other.database;
        const read = readDocument(JSON.parse(JSON.stringify(document)), {
          sealer,
          configuration: configure(),
        });
        if (read.outcome !== 'read') throw new Error(read.description);
        const transfer = () =>
          transferRows(other.database, read.rows, { keepExisting: false, pretend: false });
        expect(await transfer()).to.include({ outcome: 'transferred', passkeys: rows.passkeys.length });
        expect(await transfer()).to.include({ outcome: 'transferred', passkeys: 0 });
        const id = authenticator.id.toString('base64url');
        expect(await new Passkeys(other.database).find(id)).to.deep.equal(await bench.passkeys.find(id));
        expect(await new Passkeys(other.database).listOf(account.sub)).to.have.length(1);
      } finally {
        await other.close();
      }
    });

    it('are all taken off by an operator, and the recovery codes with the last of them', async () => {
      const holder = await bench.holderWith();
      await bench.make(holder, {}, 'Laptop');
      const { sub } = holder.account;
      const factors = new SecondFactors({ database: bench.database, configuration: configure() });
      await factors.renewRecoveryCodes(sub);
      // What a form brings that no store can hold is none of theirs.
      await factors.devices.forget(sub, '\0');
      expect(await factors.removePasskeys(sub)).to.equal(true);
      expect(await factors.of(holder.account)).to.include({ passkeys: 0, recoveryCodes: 0 });
      expect(await factors.removePasskeys(sub)).to.equal(false);
    });

    it('go with the person', async () => {
      const { account, authenticator } = await bench.holderWith();
      await bench.accounts.directory.delete(account.sub);
      expect(await bench.passkeys.listOf(account.sub)).to.deep.equal([]);
      expect(await bench.signInWith(authenticator)).to.include({
        reason: 'unknown',
      });
    });
  });
});
