import type { Configuration } from '../../../config/configuration.ts';
import type { Database } from '../../database/database.ts';
import { addressGroup } from './address-group.ts';
import { counterDigest } from './counter-digest.ts';
import type { Count, CounterKey, ThrottleCounters } from './throttle-counters.ts';

const DAY = 86_400;
/** How long a second step makes the address familiar, in seconds. */
const FAMILIAR_SECONDS = 30 * DAY;

export type SecondFactorAdmittance =
  /** The attempt counts as a wrong code unless `wasRight` is called. */
  | { readonly outcome: 'admitted'; wasRight(): Promise<void> }
  /** `retryAfter` in whole seconds, at least 1. */
  | { readonly outcome: 'throttled'; readonly retryAfter: number };

/**
 * The guess budget of codes with six digits, over all processes and restarts. Whoever guesses knows the password already, so that few
 * do: wrong codes count by person and address, and those from unfamiliar addresses also by person and day. With three codes in a million
 * right at any time, a day's budget of 100 leaves a chance of one in 3000. Addresses where the person has taken the step
 * lately have their own budget, and recovery codes none: nobody is locked out by what strangers do. An attempt is counted
 * before it is judged.
 */
export class SecondFactorThrottle {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #limits: Configuration['throttling']['secondFactor'];

  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    configuration: Configuration['throttling']['secondFactor'];
  }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/second-factor-throttle');
    this.#limits = options.configuration;
  }

  /** Whether this person's code is judged now. Rejects when the store of the counters is in trouble. */
  async admit(sub: string, address: string): Promise<SecondFactorAdmittance> {
    const { perAddress, window, perDay } = this.#limits;
    const { subscriber } = addressGroup(address);
    const familiar = this.#keyOf(sub, 'familiar', subscriber);
    const isFamiliar = (await this.#counters.get(familiar)) !== undefined;
    const limits = [
      { key: this.#keyOf(sub, 'pair', subscriber), limit: perAddress, seconds: window },
      ...(isFamiliar ? [] : [{ key: this.#keyOf(sub, 'day'), limit: perDay, seconds: DAY }]),
    ];
    const taking = await this.#counters.take(limits);
    if (taking.outcome === 'full') {
      return { outcome: 'throttled', retryAfter: Math.max(1, Math.ceil(taking.millisecondsLeft / 1000)) };
    }
    const taken = limits.map(({ key }, index) => ({ key, count: taking.counts[index] as Count }));
    return {
      outcome: 'admitted',
      wasRight: async () => {
        await this.#counters.giveBack(taken);
        await this.#counters.set(familiar, 1, FAMILIAR_SECONDS);
      },
    };
  }

  /** All of one person's counters are one group, which change together. */
  #keyOf(sub: string, ...parts: string[]): CounterKey {
    return { group: this.#digest('person', sub), name: this.#digest(sub, ...parts) };
  }
}
