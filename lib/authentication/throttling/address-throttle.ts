import type { Database } from '../../database/database.ts';
import { addressGroup } from './address-group.ts';
import { counterDigest } from './counter-digest.ts';
import type { CounterKey, ThrottleCounters } from './throttle-counters.ts';

export type AddressAdmittance =
  | { readonly outcome: 'admitted' }
  /** `retryAfter` in whole seconds, at least 1. */
  | { readonly outcome: 'throttled'; readonly retryAfter: number };

/**
 * Limits on what strangers can make the provider do: by the address that asks, and by all addresses together, so that many
 * machines get no further. Over all processes and restarts. What is refused by the one limit does not count by the other.
 */
export class AddressThrottle {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #limits: { perAddress: number; total: number; window: number };

  /** `purpose` keeps the counters of one throttle apart from those of another; `window` in seconds. */
  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    purpose: string;
    limits: { perAddress: number; total: number; window: number };
  }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, `latchkey/${options.purpose}`);
    this.#limits = options.limits;
  }

  /** Counts one more. Rejects when the store of the counters is in trouble: what is limited must not be free then. */
  async admit(address: string): Promise<AddressAdmittance> {
    const { perAddress, total, window: seconds } = this.#limits;
    const ofAddress = this.#keyOf('address', addressGroup(address).subscriber);
    const byAddress = await this.#counters.take([{ key: ofAddress, limit: perAddress, seconds }]);
    if (byAddress.outcome === 'full') return throttled(byAddress.millisecondsLeft);
    const byAll = await this.#counters.take([{ key: this.#keyOf('total'), limit: total, seconds }]);
    if (byAll.outcome === 'taken') return { outcome: 'admitted' };
    const [count] = byAddress.counts;
    if (count !== undefined) await this.#counters.giveBack([{ key: ofAddress, count }]);
    return throttled(byAll.millisecondsLeft);
  }

  /** Each counter is a group of its own, hence anywhere in a Cluster. */
  #keyOf(...parts: string[]): CounterKey {
    const name = this.#digest(...parts);
    return { group: name, name };
  }
}

function throttled(millisecondsLeft: number): AddressAdmittance {
  return { outcome: 'throttled', retryAfter: Math.max(1, Math.ceil(millisecondsLeft / 1000)) };
}
