import { expect } from 'chai';
import type { AccountAdapter, PasswordVerification } from '../../lib/accounts/account-adapter.ts';
import { KnownBrowsers } from '../../lib/authentication/known-browsers.ts';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import {
  createPasswordSignIn,
  type PasswordSignIn,
} from '../../lib/authentication/passwords/password-sign-in.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import type { LatchkeyEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { CHEAP_HASHING, openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { compareTimes } from './rank-comparison.ts';
import { LIMITS } from './throttle-bench.ts';

const PASSWORD = 'canary walks at midnight';
const LOGIN = 'canary.ann@example.com';
const ADDRESS = '203.0.113.7';
const NO_LIMITS = { perAccount: 100_000, perAddress: 1_000_000, window: 900 };

type Accounts = Awaited<ReturnType<typeof openTemporaryAccounts>>;

describe('password sign-in', () => {
  let accounts: Accounts;
  let counters: SqliteThrottleCounters;
  let signIn: PasswordSignIn;
  let lines: string[];
  let told: unknown[][];
  let sub: string;

  function open(adapter: Partial<AccountAdapter> = {}, login = LIMITS): PasswordSignIn {
    const { verifyPassword = (...proof) => accounts.adapter.verifyPassword(...proof) } = adapter;
    counters = new SqliteThrottleCounters(accounts.database);
    return createPasswordSignIn({
      accounts: { ...accounts.adapter, verifyPassword } as AccountAdapter,
      counters,
      database: accounts.database,
      knownBrowsers: new KnownBrowsers({ database: accounts.database, seconds: 86_400 }),
      configuration: { throttling: { login } },
      events: accounts.events,
      log: createLog('trace', { write: (line: string) => lines.push(line) }),
    });
  }

  /** In place of the one that is open. */
  function reopen(adapter: Partial<AccountAdapter> = {}, login = LIMITS): void {
    signIn = open(adapter, login);
  }

  async function openWith(hashing: typeof CHEAP_HASHING): Promise<void> {
    accounts = await openTemporaryAccounts(createPasswordHasher(hashing));
    lines = [];
    told = [];
    for (const event of ['login.succeeded', 'login.failed', 'login.throttled'] as (keyof LatchkeyEvents)[]) {
      accounts.events.on(event, (payload: unknown) => told.push([event, payload]));
    }
    const created = await accounts.directory.create({ login: LOGIN, password: PASSWORD });
    await accounts.directory.create({ login: 'canary.dan', password: PASSWORD, disabled: true });
    await accounts.directory.create({ login: 'canary.eve' });
    if (created.outcome !== 'created') throw new Error(created.description);
    sub = created.account.sub;
    signIn = open();
  }

  async function close(): Promise<void> {
    await accounts.close();
  }

  const attempt = (proof: { login?: string; password?: string; address?: string } = {}) =>
    signIn.attempt({ login: LOGIN, password: PASSWORD, address: ADDRESS, ...proof });

  /** Whatever was tried: the log has lines of JSON, and none of them tells a login or a password. */
  function expectNoSecretTold(): void {
    for (const line of lines) {
      expect(() => JSON.parse(line), line).to.not.throw();
      expect(line).to.not.match(/canary/i);
      expect(line).to.not.include('guess');
    }
    expect(JSON.stringify(told)).to.not.match(/canary|guess/i);
  }

  describe('with people in the database', () => {
    beforeEach(() => openWith(CHEAP_HASHING));
    afterEach(close);

    it('authenticates by the right password, in words of RFC 8176, and leaves the event to who knows the client', async () => {
      const signedIn = await attempt({ login: ' CANARY.Ann@Example.com' });
      if (signedIn.outcome !== 'authenticated') throw new Error(signedIn.outcome);
      expect(signedIn.account).to.include({ sub, login: LOGIN });
      expect(signedIn.methods).to.deep.equal(['pwd']);
      expect(told).to.deep.equal([]);
      expectNoSecretTold();
    });

    for (const [what, reason, proof] of [
      ['a wrong password', 'wrong_password', { password: 'a guess' }],
      ['no password', 'wrong_password', { password: '' }],
      ['a password longer than any can be', 'wrong_password', { password: PASSWORD.repeat(100) }],
      ['a login that nobody has', 'unknown', { login: 'canary.nobody' }],
      ['what cannot be a login', 'unknown', { login: 'canary\0' }],
      ['a disabled person with the right password', 'disabled', { login: 'canary.dan' }],
      ['a disabled person with a wrong one', 'wrong_password', { login: 'canary.dan', password: 'a guess' }],
      ['a person without a password', 'wrong_password', { login: 'canary.eve' }],
    ] as const) {
      it(`answers ${what} with the same refusal, and tells the reason upward alone`, async () => {
        expect(await attempt(proof)).to.deep.equal({ outcome: 'refused' });
        expect(told).to.deep.equal([['login.failed', { reason, address: ADDRESS }]]);
        expect(lines).to.have.length(1);
        const line = JSON.parse(lines[0] as string) as Record<string, unknown>;
        expect(line).to.include({ msg: 'login failed', reason, address: ADDRESS });
        expect(line.login).to.match(/^[A-Za-z0-9_-]{12}$/);
        expectNoSecretTold();
      });
    }

    it('does not hash a password that is longer than any can be, but counts the attempt', async () => {
      let judged = 0;
      reopen({
        verifyPassword: async () => {
          judged += 1;
          return { outcome: 'refused', reason: 'wrong_password' };
        },
      });
      for (let index = 0; index < 10; index += 1) {
        expect(await attempt({ password: 'k'.repeat(1025) })).to.deep.equal({ outcome: 'refused' });
      }
      expect(await attempt()).to.have.property('outcome', 'throttled');
      expect(judged).to.equal(0);
    });

    it('throttles after ten failures, the right password too, and asks nobody meanwhile', async () => {
      for (let index = 0; index < 10; index += 1) await attempt({ password: `guess ${index}` });
      told.length = 0;
      lines.length = 0;
      const throttled = await attempt();
      if (throttled.outcome !== 'throttled') throw new Error(throttled.outcome);
      expect(throttled.retryAfter).to.be.within(890, 900);
      expect(told).to.deep.equal([['login.throttled', { address: ADDRESS, scope: 'account' }]]);
      expect(JSON.parse(lines[0] as string)).to.include({ msg: 'login throttled', scope: 'account' });
      expect(await attempt({ address: '198.51.100.1' }), 'elsewhere').to.have.property(
        'outcome',
        'authenticated',
      );
      expectNoSecretTold();
    });

    it('throttles a login that nobody has as it does one that somebody has', async () => {
      const outcomes = async (login: string): Promise<unknown[]> => {
        const answers: unknown[] = [];
        for (let index = 0; index < 15; index += 1)
          answers.push(await attempt({ login, password: 'a guess' }));
        return answers;
      };
      const known = await outcomes(LOGIN);
      const unknown = await outcomes('canary.nobody');
      expect(unknown.map((answer) => (answer as { outcome: string }).outcome)).to.deep.equal(
        known.map((answer) => (answer as { outcome: string }).outcome),
      );
    });

    it('lets nobody in by many guesses at once', async () => {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          attempt({ password: index === 150 ? PASSWORD : `guess ${index}` }),
        ),
      );
      const count = (outcome: string): number =>
        answers.filter((answer) => answer.outcome === outcome).length;
      expect(count('refused')).to.equal(10);
      expect(count('throttled')).to.equal(190);
    });

    it('does not count what the user base could not judge', async () => {
      let answer: PasswordVerification = {
        outcome: 'unavailable',
        cause: new Error('the user base is away'),
      };
      reopen({ verifyPassword: async () => answer });
      for (let index = 0; index < 30; index += 1)
        expect(await attempt()).to.deep.equal({ outcome: 'unavailable' });
      expect(told[0]).to.deep.equal(['login.failed', { reason: 'unavailable', address: ADDRESS }]);
      expect(lines[0]).to.include('the user base is away');
      answer = { outcome: 'refused', reason: 'wrong_password' };
      for (let index = 0; index < 10; index += 1)
        expect(await attempt()).to.deep.equal({ outcome: 'refused' });
      expect(await attempt()).to.have.property('outcome', 'throttled');
      expectNoSecretTold();
    });

    it('judges nothing while failures cannot be counted', async () => {
      let judged = 0;
      reopen({
        verifyPassword: async () => {
          judged += 1;
          return { outcome: 'refused', reason: 'wrong_password' };
        },
      });
      const { raw } = accounts.database.embedded;
      raw.exec('ALTER TABLE throttle RENAME TO elsewhere');
      expect(await attempt()).to.deep.equal({ outcome: 'unavailable' });
      expect(judged).to.equal(0);
      raw.exec('ALTER TABLE elsewhere RENAME TO throttle');
      expect(await attempt()).to.deep.equal({ outcome: 'refused' });
      expectNoSecretTold();
    });

    it('lets a person in whose counters could not be corrected', async () => {
      const { raw } = accounts.database.embedded;
      reopen({
        verifyPassword: async (...proof) => {
          raw.exec('ALTER TABLE throttle RENAME TO elsewhere');
          return accounts.adapter.verifyPassword(...proof);
        },
      });
      expect(await attempt()).to.have.property('outcome', 'authenticated');
      await eventually('the log tells of it', () =>
        lines.join().includes('counters of failed logins were not corrected'),
      );
      raw.exec('ALTER TABLE elsewhere RENAME TO throttle');
      expectNoSecretTold();
    });

    it('takes what is thrown for a bug, and counts the attempt as failed', async () => {
      reopen({
        verifyPassword: async () => {
          throw new Error('a bug');
        },
      });
      for (let index = 0; index < 10; index += 1) {
        const thrown = await attempt().then(String, (error: Error) => error.message);
        expect(thrown).to.equal('a bug');
      }
      expect(await attempt()).to.have.property('outcome', 'throttled');
    });

    it('lets a person in at a known address whatever strangers try elsewhere', async () => {
      expect(await attempt()).to.have.property('outcome', 'authenticated');
      for (let index = 0; index < 150; index += 1) {
        await attempt({ password: `guess ${index}`, address: `198.51.${index}.1` });
      }
      expect(await attempt({ address: '192.0.2.1' })).to.have.property('outcome', 'throttled');
      expect(await attempt()).to.have.property('outcome', 'authenticated');
    });
  });

  describe('with hashing that takes time', () => {
    before(() => openWith({ argon2: { memory: 7168, iterations: 3, parallelism: 1 } }));
    after(close);

    for (const [what, login] of [
      ['that nobody has', 'canary.nobody'],
      ['that cannot be one', 'canary\0'],
      ['of a disabled person', 'canary.dan'],
      ['of a person without a password', 'canary.eve'],
    ] as const) {
      it(`takes as long for a login ${what} as for a wrong password`, async () => {
        reopen({}, NO_LIMITS);
        const { above, medians } = await compareTimes(
          () => attempt({ login, password: 'a guess' }),
          () => attempt({ password: 'a guess' }),
          60,
        );
        expect(above, `medians ${medians.join(' and ')} ms`).to.be.within(0.15, 0.85);
      });
    }
  });
});
