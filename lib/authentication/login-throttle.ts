import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Configuration } from '../../config/configuration.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import type { Database } from '../database/database.ts';
import { addressGroup } from './address-group.ts';
import { type Count, ThrottleCounters } from './throttle-counters.ts';

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

interface Limit {
  key: string;
  limit: number;
  seconds: number;
  scope: 'account' | 'address';
}

/**
 * Limits on guessing passwords, over all processes of the machine and over restarts. The reasons are in
 * docs/decisions/0006-login-throttling.md. In short: failures count by address, and by account and address together; failures
 * of one account from everywhere only slow unfamiliar networks down, so that nobody is locked out by what strangers do.
 * An attempt is counted before it is judged: a thousand at once get no further than one after another. Counters are keyed by a
 * MAC: the database tells neither logins nor addresses.
 */
export class LoginThrottle {
  readonly #counters: ThrottleCounters;
  readonly #key: KeyObject;
  readonly #configuration: Configuration['throttling']['login'];

  constructor(options: { database: Database; configuration: Configuration['throttling']['login'] }) {
    this.#counters = new ThrottleCounters(options.database);
    this.#key = createSecretKey(options.database.sealer.derive('latchkey/login-throttle'));
    this.#configuration = options.configuration;
  }

  async admit(login: string, address: string): Promise<Admittance> {
    const { perAccount, perAddress, window } = this.#configuration;
    const canonical = canonicalLogin(login);
    const account = canonical.outcome === 'canonical' ? canonical.login : `\0${login}`;
    const { subscriber, network } = addressGroup(address);
    const keys = {
      pair: this.#keyFor('pair', account, subscriber),
      familiar: this.#keyFor('familiar', account, subscriber),
      total: this.#keyFor('total', account),
      wait: this.#keyFor('wait', account, network),
      ticket: this.#keyFor('ticket', account, network),
    };

    await this.#counters.begin();
    const acquaintance = await this.#counters.get(keys.familiar);
    const familiar = acquaintance !== undefined;
    const addressLimit = familiar ? perAddress * WIDER_ALLOWANCE : perAddress;
    const limits: Limit[] = [
      { key: this.#keyFor('address', subscriber), limit: addressLimit, seconds: window, scope: 'address' },
      {
        key: this.#keyFor('network', network),
        limit: perAddress * WIDER_ALLOWANCE * (familiar ? WIDER_ALLOWANCE : 1),
        seconds: window,
        scope: 'address',
      },
      { key: keys.pair, limit: perAccount, seconds: window, scope: 'account' },
    ];
    const taken: { key: string; count: Count }[] = [];
    const take = async ({ key, seconds }: Limit): Promise<Count> => {
      const count = await this.#counters.add(key, seconds);
      taken.push({ key, count });
      return count;
    };
    const giveBack = (except?: string): void => {
      for (const { key, count } of taken) {
        if (key !== except) this.#counters.takeBack(key, count);
      }
    };
    for (const limit of limits) {
      const count = await take(limit);
      if (count.points > limit.limit) {
        giveBack();
        return throttled(limit.scope, count.millisecondsLeft);
      }
    }

    let ticketUsed = false;
    if (!familiar) {
      const total: Limit = {
        key: keys.total,
        limit: perAccount * ACCOUNT_BUDGET,
        seconds: DAY,
        scope: 'account',
      };
      const excess = (await take(total)).points - total.limit;
      if (excess > 0) {
        const wait = await this.#waitFor(keys, Math.min(2 ** (excess - 1), LONGEST_WAIT));
        if (wait > 0) {
          giveBack();
          return throttled('account', wait);
        }
        ticketUsed = true;
      }
    }

    return {
      outcome: 'admitted',
      admission: {
        succeeded: async () => {
          await this.#counters.begin();
          giveBack(keys.pair);
          await this.#counters.remove(keys.pair);
          if ((acquaintance?.millisecondsLeft ?? 0) < (FAMILIAR_SECONDS - DAY) * 1000) {
            await this.#counters.set(keys.familiar, 1, FAMILIAR_SECONDS);
          }
        },
        withdrawn: async () => {
          await this.#counters.begin();
          giveBack();
          if (ticketUsed) await this.#counters.set(keys.ticket, 1, TICKET_SECONDS);
        },
      },
    };
  }

  /** A short name for a login in the log: tells which lines are about one login, and not which login. */
  nameForLog(login: string): string {
    const canonical = canonicalLogin(login);
    return this.#keyFor('log', canonical.outcome === 'canonical' ? canonical.login : login).slice(0, 12);
  }

  close(): void {
    this.#counters.close();
  }

  /**
   * 0 for whoever sat a wait out (once), else what is left of it in ms. A wait begins with the first attempt and later
   * ones do not prolong it; each network has its own, so that nobody can take another's turn.
   */
  async #waitFor(keys: { wait: string; ticket: string }, seconds: number): Promise<number> {
    const waiting = await this.#counters.get(keys.wait);
    if (waiting !== undefined) return waiting.millisecondsLeft;
    if (await this.#counters.remove(keys.ticket)) return 0;
    const begun = await this.#counters.add(keys.wait, seconds);
    await this.#counters.set(keys.ticket, 1, seconds + TICKET_SECONDS);
    return begun.millisecondsLeft;
  }

  #keyFor(...parts: string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64url').slice(0, 27);
  }
}

function throttled(scope: 'account' | 'address', milliseconds: number): Admittance {
  return { outcome: 'throttled', scope, retryAfter: Math.max(1, Math.ceil(milliseconds / 1000)) };
}
