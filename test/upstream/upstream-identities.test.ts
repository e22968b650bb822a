import { expect } from 'chai';
import { upstream } from '../../config/upstream-settings.ts';
import { readDirectory, transferRows } from '../../lib/database/backup/directory-transfer.ts';
import { type Database, onClock } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { isEmailOfSomebody } from '../../lib/upstream/email-owners.ts';
import { admit } from '../../lib/upstream/upstream-admission.ts';
import { UpstreamAttempts } from '../../lib/upstream/upstream-attempts.ts';
import { UpstreamIdentities } from '../../lib/upstream/upstream-identities.ts';
import { type OpenAccounts, openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';

const ISSUER = 'https://works.example';
const BROWSER = 'a'.repeat(43);
const ATTEMPT = {
  provider: 'works',
  purpose: 'sign-in',
  place: 'an interaction',
  clientId: 'notes',
} as const;
const MINUTE = 60_000;

describe('identities at other providers', function () {
  this.timeout(120_000);
  describeOnEveryStore('kept', (store) => {
    let accounts: OpenAccounts;
    let database: Database;
    let identities: UpstreamIdentities;
    let time: number;
    let drawn = 0;

    before(async () => {
      accounts = await openTemporaryAccounts(undefined, store);
    });
    after(() => accounts?.close());
    beforeEach(() => {
      time = Date.now();
      database = onClock(accounts.database, () => time);
      identities = new UpstreamIdentities(database);
    });

    const somebody = (provider = 'works') => {
      drawn += 1;
      return { provider, issuer: ISSUER, subject: `subject ${drawn}`, label: `person${drawn}@works.example` };
    };

    it('are one person’s, though several are proved at once', async () => {
      const identity = somebody();
      const subs = Array.from({ length: 5 }, (_, index) => `racer ${drawn} ${index}`);
      const outcomes = await Promise.all(subs.map((sub) => identities.link(identity, sub)));
      expect(outcomes.filter((outcome) => outcome === 'linked')).to.have.length(1);
      expect(outcomes.filter((outcome) => outcome === 'taken')).to.have.length(4);
      const winner = subs[outcomes.indexOf('linked')] ?? '';
      expect(await identities.link(identity, winner)).to.equal('known');
      expect(await identities.find(identity)).to.include({ ...identity, sub: winner, lastUsedAt: undefined });
    });

    it('are told apart by issuer and subject, to the letter', async () => {
      const identity = somebody();
      await identities.link(identity, 'someone');
      for (const other of [
        { issuer: `${ISSUER}/`, subject: identity.subject },
        { issuer: ISSUER, subject: identity.subject.toUpperCase() },
        { issuer: ISSUER, subject: `${identity.subject} ` },
        { issuer: ISSUER, subject: `${identity.subject}\u0000` },
      ]) {
        expect(await identities.find(other), JSON.stringify(other)).to.equal(undefined);
      }
    });

    it('tell when they were used, by what name', async () => {
      const identity = somebody();
      await identities.link(identity, 'user');
      time += MINUTE;
      const renamed = { ...identity, label: ' new\u202Ename\nthere ' };
      expect(await identities.noteUse(renamed, 'user')).to.equal(true);
      expect(await identities.noteUse(identity, 'another')).to.equal(false);
      const found = await identities.find(identity);
      expect(found).to.include({ label: 'new name there', lastUsedAt: time, createdAt: time - MINUTE });
    });

    it('keep the last way in, and no more than that', async () => {
      const [one, two] = [somebody(), somebody()];
      await identities.link(one, 'keeper');
      await identities.link(two, 'keeper');
      expect(await identities.unlink('another', one, { keepsLast: true })).to.equal('not_found');
      const both = await Promise.all(
        [one, two].map((each) => identities.unlink('keeper', each, { keepsLast: true })),
      );
      expect(both).to.have.members(['unlinked', 'last']);
      const [left] = await identities.listOf('keeper');
      expect(
        left === undefined ? '' : await identities.unlink('keeper', left, { keepsLast: false }),
      ).to.equal('unlinked');
    });

    it('count as a way in only where people can sign in', async () => {
      const [present, former] = [somebody(), { ...somebody(), issuer: 'https://former.example' }];
      await identities.link(present, 'moved');
      await identities.link(former, 'moved');
      const rule = { keepsLast: true, issuers: [ISSUER] };
      expect(await identities.unlink('moved', present, rule)).to.equal('last');
      await identities.link(somebody(), 'moved');
      expect(await identities.unlink('moved', present, rule)).to.equal('unlinked');
    });

    it('that belong to somebody who is no more keep nobody out', async () => {
      const identity = somebody();
      await identities.link(identity, 'somebody who was deleted while this was linked');
      const { works } = upstream.parse({
        providers: {
          works: {
            ...{ issuer: ISSUER, client_id: 'latchkey', client_authentication: 'none', name: 'Works' },
            ...{ provisioning: 'just_in_time', trust_email_verified: true },
          },
        },
      }).providers;
      if (works === undefined) throw new Error('no settings');
      const admission = await admit(
        { accounts: accounts.adapter, identities, hasEmail: async () => false, log: createLog('silent') },
        { identity, settings: works, claims: { email: `new-${drawn}@works.example`, email_verified: true } },
      );
      if (admission.outcome !== 'created') throw new Error(admission.outcome);
      expect(await identities.find(identity)).to.include({ sub: admission.account.sub });
    });

    it('go with their person', async () => {
      const created = await accounts.directory.create({ login: 'goes@example.com' });
      if (created.outcome !== 'created') throw new Error(created.description);
      const { sub } = created.account;
      const identity = somebody();
      await identities.link(identity, sub);
      await identities.noteSession({ issuer: ISSUER, sid: 'goes' }, sub, 60);
      await accounts.directory.delete(sub);
      expect(await identities.find(identity)).to.equal(undefined);
      expect(await identities.personOfSession({ issuer: ISSUER, sid: 'goes' })).to.equal(undefined);
    });

    it('are found by their sessions there, for a while', async () => {
      const session = { issuer: ISSUER, sid: `session ${drawn}` };
      await identities.noteSession(session, 'first', 60);
      await identities.noteSession(session, 'second', 60);
      expect(await identities.personOfSession(session)).to.equal('second');
      expect(await identities.personOfSession({ ...session, issuer: `${ISSUER}/` })).to.equal(undefined);
      time += 2 * MINUTE;
      await identities.noteSession({ issuer: ISSUER, sid: 'later' }, 'third', 60);
      expect(await identities.personOfSession(session)).to.equal(undefined);
    });

    it('move with the directory, once', async () => {
      const identity = somebody();
      await identities.link(identity, 'mover');
      const rows = await readDirectory(database);
      expect(rows.identities.map(({ subject }) => subject)).to.include(identity.subject);
      await identities.unlink('mover', identity, { keepsLast: false });
      const transfer = (pretend: boolean) => transferRows(database, rows, { keepExisting: true, pretend });
      expect((await transfer(true)).identities).to.equal(1);
      expect((await transfer(false)).identities).to.equal(1);
      expect((await transfer(false)).identities).to.equal(0);
      expect(await identities.find(identity)).to.include({ sub: 'mover' });
    });

    it('belong to addresses that nobody’s record has', async () => {
      await accounts.directory.create({ login: 'jo', claims: { email: 'Jo_%Doe@example.com' } });
      for (const email of ['Jo_%Doe@example.com', 'jo_%doe@EXAMPLE.com']) {
        expect(await isEmailOfSomebody(database, email), email).to.equal(true);
      }
      for (const email of [
        'jo__doe@example.com',
        'o_%doe@example.com',
        '%@example.com',
        'jo_%doe@example.co',
      ]) {
        expect(await isEmailOfSomebody(database, email), email).to.equal(false);
      }
    });

    describe('are asked for by attempts, which', () => {
      it('count in the browser that began them, until their time is over', () => {
        const attempts = new UpstreamAttempts(database);
        const { state, nonce, codeVerifier } = attempts.begin({ ...ATTEMPT, maxAge: 5 }, BROWSER);
        expect(attempts.read(state, BROWSER)).to.include({ ...ATTEMPT, maxAge: 5, nonce, codeVerifier });
        expect(codeVerifier)
          .to.match(/^[\w-]{43}$/)
          .and.not.to.equal(nonce);
        for (const [given, browser] of [
          [state, 'b'.repeat(43)],
          [state, undefined],
          [`${state}A`, BROWSER],
          [state.slice(4), BROWSER],
          ['', BROWSER],
          ['a state', BROWSER],
        ] as const) {
          expect(attempts.read(given, browser), `${given} ${browser}`).to.equal(undefined);
        }
        time += 31 * MINUTE;
        expect(attempts.read(state, BROWSER)).to.equal(undefined);
      });

      it('are spent once, by whichever comes first', async () => {
        const attempts = new UpstreamAttempts(database);
        const begun = attempts.begin(ATTEMPT, BROWSER);
        const spent = await Promise.all(Array.from({ length: 5 }, () => attempts.spend(begun)));
        expect(spent.filter((first) => first)).to.have.length(1);
        expect(await attempts.spend(attempts.begin(ATTEMPT, BROWSER))).to.equal(true);
      });
    });
  });
});
