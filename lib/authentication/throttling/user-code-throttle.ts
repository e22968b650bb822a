import type { Configuration } from '../../../config/configuration.ts';
import type { Database } from '../../database/database.ts';
import { addressGroup } from './address-group.ts';
import { counterDigest } from './counter-digest.ts';
import type { Count, CounterKey, ThrottleCounters } from './throttle-counters.ts';

/** Who types a code: the person signed in at that browser, if anybody, and the address. */
export interface Guesser {
  accountId: string | undefined;
  address: string;
}

export type UserCodeAdmittance =
  /** The attempt counts as a wrong code unless `wasRight` is called. */
  | { readonly outcome: 'admitted'; wasRight(): Promise<void> }
  /** `retryAfter` in whole seconds, at least 1. */
  | { readonly outcome: 'throttled'; readonly retryAfter: number };

interface Limit {
  readonly key: CounterKey;
  readonly limit: number;
}

/**
 * The guess budget of user codes (RFC 8628 §5.1), over all processes and restarts. Wrong codes of somebody signed in count by
 * person; those of anybody else by address, and by all addresses together, so that many machines guess no faster. A flood of
 * guesses therefore stops nobody who is signed in. An attempt is counted before it is judged: a thousand at once get no
 * further than one after another. docs/security.md has the arithmetic.
 */
export class UserCodeThrottle {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #limits: Configuration['throttling']['userCode'];

  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    configuration: Configuration['throttling']['userCode'];
  }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/user-code-throttle');
    this.#limits = options.configuration;
  }

  /** Whether this code is judged now. Rejects when the store of the counters is in trouble: guessing must not be free then. */
  async admit(guesser: Guesser): Promise<UserCodeAdmittance> {
    const seconds = this.#limits.window;
    const taken: { key: CounterKey; count: Count }[] = [];
    for (const { key, limit } of this.#limitsOf(guesser)) {
      const taking = await this.#counters.take([{ key, limit, seconds }]);
      if (taking.outcome === 'full') {
        await this.#counters.giveBack(taken);
        return { outcome: 'throttled', retryAfter: Math.max(1, Math.ceil(taking.millisecondsLeft / 1000)) };
      }
      const [count] = taking.counts;
      if (count !== undefined) taken.push({ key, count });
    }
    return { outcome: 'admitted', wasRight: () => this.#counters.giveBack(taken) };
  }

  #limitsOf({ accountId, address }: Guesser): Limit[] {
    const { perAccount, perAddress, total } = this.#limits;
    if (accountId !== undefined) return [{ key: this.#keyOf('account', accountId), limit: perAccount }];
    const { subscriber } = addressGroup(address);
    return [
      { key: this.#keyOf('address', subscriber), limit: perAddress },
      { key: this.#keyOf('total'), limit: total },
    ];
  }

  /** Each counter is a group of its own, hence anywhere in a Cluster. */
  #keyOf(...parts: string[]): CounterKey {
    const name = this.#digest(...parts);
    return { group: name, name };
  }
}
