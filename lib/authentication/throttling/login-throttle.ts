import type { Configuration } from '../../../config/configuration.ts';
import { canonicalLogin } from '../../accounts/canonical-login.ts';
import type { Database } from '../../database/database.ts';
import { addressGroup } from './address-group.ts';
import { counterDigest } from './counter-digest.ts';
import type { Count, CounterKey, Taking, ThrottleCounters } from './throttle-counters.ts';

const DAY = 86_400;
/** How long a person's sign-in makes the address familiar, in seconds. */
const FAMILIAR_SECONDS = 30 * DAY;
/** A familiar person, and a whole network, may fail this many times as often as one unfamiliar address. */
const WIDER_ALLOWANCE = 10;
/** Failures of one account from unfamiliar networks in a day before each network has to wait; in units of `perAccount`. */
const ACCOUNT_BUDGET = 10;
/** The longest such wait, in seconds. */
const LONGEST_WAIT = 900;
/** How long a wait that was sat out entitles to one attempt, in seconds. */
const TICKET_SECONDS = 3600;

/** How many failures there may be, and in what time. */
export type LoginLimits = Pick<Configuration['throttling']['login'], 'perAccount' | 'perAddress' | 'window'>;

/** An attempt that may go on. It counts as failed unless one of the two is called, once. */
export interface Admission {
  succeeded(): Promise<void>;
  /** The attempt was never judged. */
  withdrawn(): Promise<void>;
}

export type Admittance =
  | { outcome: 'admitted'; admission: Admission }
  /** `retryAfter` in whole seconds, at least 1. */
  | { outcome: 'throttled'; scope: 'account' | 'address'; retryAfter: number };

/** How long wrong passwords of a known browser count, in seconds: longer than any browser is known. */
const KNOWN_SECONDS = 366 * DAY;

interface Limit extends Taking {
  readonly scope: 'account' | 'address';
}

/**
 * Limits on guessing passwords, over all processes and over restarts. The reasons are in
 * docs/decisions/0006-login-throttling.md. In short: failures count by address, and by account and address together; failures
 * of one account from everywhere only slow unfamiliar networks down, so that nobody is locked out by what strangers do.
 * An attempt is counted before it is judged: a thousand at once get no further than one after another. Counters are keyed by a
 * MAC: the store tells neither logins nor addresses.
 */
export class LoginThrottle {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #configuration: LoginLimits;

  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    configuration: LoginLimits;
  }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/login-throttle');
    this.#configuration = options.configuration;
  }

  /**
   * Admits an attempt from a browser with which the person has signed in before (KnownBrowsers), whatever others have done:
   * as many as may fail for one account at one address, but in all of the browser's life and not in a window. Undefined when that is
   * used up: then it is a browser like any other.
   */
  async admitKnown(browser: string, login: string, address: string): Promise<Admission | undefined> {
    const key = { group: this.#digest('browser', browser), name: this.#digest('known', browser) };
    const taking = await this.#counters.take([
      { key, limit: this.#configuration.perAccount, seconds: KNOWN_SECONDS },
    ]);
    if (taking.outcome === 'full') return undefined;
    const taken = [{ key, count: taking.counts[0] as Count }];
    return {
      succeeded: async () => {
        const keys = this.#keysOf(login, address);
        const acquaintance = await this.#counters.get(keys.familiar);
        await Promise.all([
          this.#counters.remove(key),
          this.#counters.remove(keys.pair),
          this.#becomeFamiliar(keys, acquaintance),
        ]);
      },
      withdrawn: () => this.#counters.giveBack(taken),
    };
  }

  /**
   * Admits an attempt from any other browser, or says for how long (s) not: by what failed lately for this account from this address, for the account from
   * everywhere, and from the address for everybody. What is admitted has been counted, until it says that it succeeded or was withdrawn.
   */
  async admit(login: string, address: string): Promise<Admittance> {
    const { perAccount, perAddress, window } = this.#configuration;
    const keys = this.#keysOf(login, address);
    const acquaintance = await this.#counters.get(keys.familiar);
    const familiar = acquaintance !== undefined;
    const widening = familiar ? WIDER_ALLOWANCE : 1;
    const limits: Limit[] = [
      {
        key: keys.address,
        limit: perAddress * widening,
        seconds: window,
        scope: 'address',
      },
      {
        key: keys.network,
        limit: perAddress * WIDER_ALLOWANCE * widening,
        seconds: window,
        scope: 'address',
      },
      { key: keys.pair, limit: perAccount, seconds: window, scope: 'account' },
    ];
    const taking = await this.#counters.take(limits);
    if (taking.outcome === 'full') {
      return throttled((limits[taking.index] as Limit).scope, taking.millisecondsLeft);
    }
    const taken = limits.map(({ key }, index) => ({ key, count: taking.counts[index] as Count }));

    let ticketUsed = false;
    if (!familiar) {
      const budget = await this.#counters.take([
        { key: keys.total, limit: Number.POSITIVE_INFINITY, seconds: DAY },
      ]);
      if (budget.outcome === 'full') throw new Error('a counter without a limit is full');
      const count = budget.counts[0] as Count;
      taken.push({ key: keys.total, count });
      const excess = count.points - perAccount * ACCOUNT_BUDGET;
      if (excess > 0) {
        const wait = await this.#waitFor(keys, Math.min(2 ** (excess - 1), LONGEST_WAIT));
        if (wait > 0) {
          await this.#counters.giveBack(taken);
          return throttled('account', wait);
        }
        ticketUsed = true;
      }
    }

    return {
      outcome: 'admitted',
      admission: {
        succeeded: async () => {
          await Promise.all([
            this.#counters.giveBack(taken.filter(({ key }) => key !== keys.pair)),
            this.#counters.remove(keys.pair),
            this.#becomeFamiliar(keys, acquaintance),
          ]);
        },
        withdrawn: async () => {
          await this.#counters.giveBack(taken);
          if (ticketUsed) await this.#counters.set(keys.ticket, 1, TICKET_SECONDS);
        },
      },
    };
  }

  #keysOf(login: string, address: string) {
    const canonical = canonicalLogin(login);
    const account = canonical.outcome === 'canonical' ? canonical.login : `\0${login}`;
    const { subscriber, network } = addressGroup(address);
    // What is counted by account, and what by network: each is one group, that is one script in Redis.
    const person = this.#digest('account', account);
    const place = this.#digest('network', network);
    const keyOf = (group: string, ...parts: string[]): CounterKey => ({
      group,
      name: this.#digest(...parts),
    });
    return {
      address: keyOf(place, 'address', subscriber),
      network: keyOf(place, 'network', network),
      pair: keyOf(place, 'pair', account, subscriber),
      familiar: keyOf(person, 'familiar', account, subscriber),
      total: keyOf(person, 'total', account),
      // Asked for under attack alone.
      get wait() {
        return keyOf(place, 'wait', account, network);
      },
      get ticket() {
        return keyOf(place, 'ticket', account, network);
      },
    };
  }

  /** Makes the address familiar to the account, or keeps it so: once a day. */
  async #becomeFamiliar({ familiar }: { familiar: CounterKey }, present: Count | undefined): Promise<void> {
    if ((present?.millisecondsLeft ?? 0) >= (FAMILIAR_SECONDS - DAY) * 1000) return;
    await this.#counters.set(familiar, 1, FAMILIAR_SECONDS);
  }

  /** A short name for a login in the log: tells which lines are about one login, and not which login. */
  nameForLog(login: string): string {
    const canonical = canonicalLogin(login);
    return this.#digest('log', canonical.outcome === 'canonical' ? canonical.login : login).slice(0, 12);
  }

  /**
   * 0 for whoever sat a wait out (once), else what is left of it in ms. A wait begins with the first attempt and later
   * ones do not prolong it; each network has its own, so that nobody can take another's turn.
   */
  async #waitFor(keys: { wait: CounterKey; ticket: CounterKey }, seconds: number): Promise<number> {
    const waiting = await this.#counters.get(keys.wait);
    if (waiting !== undefined) return waiting.millisecondsLeft;
    if (await this.#counters.remove(keys.ticket)) return 0;
    const begun = await this.#counters.take([{ key: keys.wait, limit: Number.POSITIVE_INFINITY, seconds }]);
    await this.#counters.set(keys.ticket, 1, seconds + TICKET_SECONDS);
    return begun.outcome === 'taken' ? (begun.counts[0]?.millisecondsLeft ?? 0) : begun.millisecondsLeft;
  }
}

function throttled(scope: 'account' | 'address', milliseconds: number): Admittance {
  return { outcome: 'throttled', scope, retryAfter: Math.max(1, Math.ceil(milliseconds / 1000)) };
}
