import { expect } from 'chai';
import { type Configuration, configurationSchema } from '../../config/configuration.ts';
import type { Account } from '../../lib/accounts/account-adapter.ts';
import {
  createPasskeyRegistration,
  type PasskeyHolder,
  type PasskeyRegistration,
} from '../../lib/authentication/passkeys/passkey-registration.ts';
import {
  createPasskeySignIn,
  type PasskeySignIn,
} from '../../lib/authentication/passkeys/passkey-sign-in.ts';
import { Passkeys } from '../../lib/authentication/passkeys/passkeys.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import { type Database, onClock } from '../../lib/database/database.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import type { DirectoryStore } from '../database/directory-stores.ts';
import { type Behaviour, SoftwareAuthenticator } from './software-authenticator.ts';

export const ORIGIN = 'https://id.example';
export const ADDRESS = '203.0.113.7';

export function configure(settings: object = {}): Configuration {
  return configurationSchema.parse({ issuer: ORIGIN, ...settings });
}

type TemporaryAccounts = Awaited<ReturnType<typeof openTemporaryAccounts>>;

/** People who make passkeys and sign in with them, on a directory in a store, by a clock that the test sets. */
export class PasskeyBench {
  readonly accounts: TemporaryAccounts;
  readonly #counters: SqliteThrottleCounters;
  #people = 0;
  /** Unix time, ms. */
  time = 0;
  /** What was told upward. */
  told: [event: string, details: unknown][] = [];
  database!: Database;
  registration!: PasskeyRegistration;
  signIn!: PasskeySignIn;
  passkeys!: Passkeys;

  private constructor(accounts: TemporaryAccounts) {
    this.accounts = accounts;
    this.#counters = new SqliteThrottleCounters(accounts.database);
    for (const event of ['login.failed', 'passkey.copy_suspected', 'login.throttled'] as const) {
      accounts.events.on(event, (details: unknown) => this.told.push([event, details]));
    }
  }

  static async open(store: DirectoryStore): Promise<PasskeyBench> {
    return new PasskeyBench(await openTemporaryAccounts(undefined, store));
  }

  /** Begins a test: the clock is right, nothing was told, and the settings are the usual ones. */
  begin(): void {
    this.time = Date.now();
    this.told = [];
    this.database = onClock(this.accounts.database, () => this.time);
    this.configure();
  }

  configure(settings: object = {}): void {
    const { accounts, database } = this;
    const configuration = configure({
      throttling: { login: { perAccount: 5, perAddress: 1_000_000 } },
      ...settings,
    });
    const counters = this.#counters;
    const log = createLog('silent');
    const rooms = { ...accounts, accounts: accounts.adapter, database, counters, configuration, log };
    this.registration = createPasskeyRegistration(rooms) as PasskeyRegistration;
    this.signIn = createPasskeySignIn(rooms) as PasskeySignIn;
    this.passkeys = new Passkeys(database);
  }

  async newHolder(): Promise<PasskeyHolder> {
    this.#people += 1;
    const created = await this.accounts.directory.create({
      login: `person${this.#people}@example.com`,
      claims: { name: 'Ada Lovelace' },
    });
    if (created.outcome !== 'created') throw new Error(created.description);
    return { account: created.account as Account, sessionUid: `session-${this.#people}` };
  }

  async make(holder: PasskeyHolder, behaviour: Behaviour = {}, name = 'Phone') {
    const authenticator = new SoftwareAuthenticator({ origin: ORIGIN, ...behaviour });
    const answer = authenticator.make(await this.registration.options(holder));
    const result = await this.registration.register(holder, { credential: JSON.stringify(answer), name });
    return { authenticator, result, answer };
  }

  async holderWith(behaviour: Behaviour = {}) {
    const holder = await this.newHolder();
    const { authenticator, result } = await this.make(holder, behaviour);
    expect(result.outcome).to.equal('registered');
    return { ...holder, authenticator };
  }

  attempt(answer: object, uid = 'interaction', address = ADDRESS) {
    return this.signIn.attempt({ uid, credential: JSON.stringify(answer), address });
  }

  /** Signs in with an authenticator, as the server asks for it. */
  signInWith(authenticator: SoftwareAuthenticator) {
    return this.attempt(authenticator.get(this.signIn.options('interaction')));
  }

  async close(): Promise<void> {
    await this.accounts.close();
  }
}
