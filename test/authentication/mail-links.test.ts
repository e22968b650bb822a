import path from 'node:path';
import { expect } from 'chai';
import { MailLinks } from '../../lib/authentication/mail-links.ts';
import { type Database, onClock, openDatabase } from '../../lib/database/database.ts';
import { type DirectoryPlace, describeOnEveryStore } from '../database/directory-stores.ts';
import { raceProcesses } from '../processes/race-processes.ts';
import type { SpendReport } from './mail-link-process.ts';

const PROCESS = path.join(import.meta.dirname, 'mail-link-process.ts');
const DETAILS = { email: 'canary@example.com' };

describe('links sent by mail', function () {
  this.timeout(60_000);
  describeOnEveryStore('each', (store) => {
    let place: DirectoryPlace;
    let opened: Database;
    let links: MailLinks;
    let time: number;

    before(async () => {
      place = await store.makePlace();
      opened = await openDatabase(place.options);
    });
    after(async () => {
      await opened?.close();
      await place?.remove();
    });
    beforeEach(() => {
      time = Date.now();
      links = new MailLinks(onClock(opened, () => time));
    });

    const create = (account: string | undefined = 'ada', seconds = 60): Promise<string> =>
      links.create({ purpose: 'reset-password', account, details: DETAILS, seconds });
    const spend = (secret: string, by = links): Promise<boolean> =>
      opened.transaction((transaction) => by.spend('reset-password', secret, transaction, time));

    it('tell what they are about, as often as they are looked at', async () => {
      const secret = await create();
      expect(secret).to.match(/^[\w-]{43}$/);
      for (let round = 0; round < 3; round += 1) {
        expect(await links.find('reset-password', secret)).to.deep.equal({
          account: 'ada',
          details: DETAILS,
        });
      }
      expect(await spend(secret)).to.equal(true);
      expect(await links.find('reset-password', secret)).to.equal(undefined);
      expect(await spend(secret)).to.equal(false);
    });

    it('tell for five minutes what used them up, to whoever has the link and the same form', async () => {
      const [secret, other] = [await create('eve'), await create('mallory')];
      const spendBy = (form: string) =>
        opened.transaction((transaction) => links.spend('reset-password', secret, transaction, time, form));
      expect(await links.wasSpentBy(secret, 'one')).to.equal(false);
      expect([await spendBy('one'), await spendBy('two')]).to.deep.equal([true, false]);
      expect(await links.wasSpentBy(secret, 'one')).to.equal(true);
      expect(await links.wasSpentBy(secret, 'two'), 'it was too late').to.equal(false);
      expect(await links.wasSpentBy(other, 'one'), 'another link').to.equal(false);
      time += 299_000;
      expect(await links.wasSpentBy(secret, 'one')).to.equal(true);
      time += 2000;
      expect(await links.wasSpentBy(secret, 'one')).to.equal(false);
    });

    it('are nothing to another purpose, nor when they are not quite the same', async () => {
      const secret = await create();
      expect(await links.find('verify-email', secret)).to.equal(undefined);
      const wrong = [
        undefined,
        '',
        secret.slice(1),
        `${secret}A`,
        secret.toLowerCase(),
        [secret],
        `\0${secret}`,
      ];
      for (const given of wrong) expect(await links.find('reset-password', given)).to.equal(undefined);
      expect(
        await opened.transaction((transaction) => links.spend('verify-email', secret, transaction, time)),
      ).to.equal(false);
      expect(await spend(secret)).to.equal(true);
    });

    it('expire to the millisecond, and are then removed', async () => {
      const secret = await create('bob', 60);
      time += 59_999;
      expect(await links.find('reset-password', secret)).not.to.equal(undefined);
      time += 1;
      expect(await links.find('reset-password', secret)).to.equal(undefined);
      expect(await spend(secret)).to.equal(false);
      await create('bob');
      const rows = await opened.query.selectFrom('mail_links').select('expires_at').execute();
      expect(rows.every((row) => Number(row.expires_at) > time)).to.equal(true);
    });

    it('of one person end together when one is used; those of others stay', async () => {
      const [first, second, others, unnamed] = [
        await create('carl'),
        await create('carl'),
        await create('dora'),
        await links.create({ purpose: 'register', details: DETAILS, seconds: 60 }),
      ];
      expect(await spend(first as string)).to.equal(true);
      expect(await links.find('reset-password', second)).to.equal(undefined);
      expect(await links.find('reset-password', others)).not.to.equal(undefined);
      expect(await links.find('register', unnamed)).not.to.equal(undefined);
    });

    it('are kept when what they allow is given up', async () => {
      const secret = await create('erin');
      const failure = await opened
        .transaction(async (transaction) => {
          await links.spend('reset-password', secret, transaction, time);
          throw new Error('given up');
        })
        .catch((error: Error) => error.message);
      expect(failure).to.equal('given up');
      expect(await spend(secret)).to.equal(true);
    });

    it('leave nothing in the store that opens them, nor the address', async () => {
      const secret = await create('fay');
      const bytes = Buffer.concat(await place.files()).toString('latin1');
      expect(bytes).not.to.contain(secret).and.not.to.contain(DETAILS.email);
    });

    it('are used by one of fifty attempts in five processes', async () => {
      const secret = await create('gil');
      const words = [JSON.stringify(place.options), '10'];
      const reports = await raceProcesses<SpendReport>(PROCESS, { count: 5, words, order: secret });
      expect(reports.reduce((sum, { spent }) => sum + spent, 0)).to.equal(1);
    });
  });
});
