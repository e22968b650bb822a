import type { Configuration } from '../../../config/configuration.ts';
import type { Database } from '../../database/database.ts';
import type { Log } from '../../observability/log.ts';
import { addressGroup } from './address-group.ts';
import { type FailureScope, FailureThrottle } from './failure-throttle.ts';
import type { ThrottleCounters } from './throttle-counters.ts';

/** How many clients at their addresses a process remembers to have seen succeed. */
const FAMILIAR = 10_000;

export type ClientAdmittance =
  | { readonly outcome: 'admitted' }
  /** `retryAfter` in whole seconds, at least 1. */
  | { readonly outcome: 'throttled'; readonly retryAfter: number };

const ADMITTED: ClientAdmittance = { outcome: 'admitted' };

/**
 * Limits on guessing the credentials of applications (RFC 6749 §2.3.1), wherever they authenticate. Failures count by client and address
 * together, and by address; an application that has succeeded at its address is not made to wait for what others fail at there.
 * An application at another address than the attacker's notices nothing.
 */
export class ClientThrottle {
  readonly #failures: FailureThrottle;
  readonly #limits: Configuration['throttling']['token'];
  readonly #familiar = new Set<string>();

  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    configuration: Configuration['throttling']['token'];
    log: Log;
  }) {
    this.#limits = options.configuration;
    this.#failures = new FailureThrottle({ ...options, name: 'client', window: this.#limits.window });
  }

  /** Whether a credential of this client is judged now. Asks no store, and next to nothing while nobody fails. */
  admit(clientId: string, address: string): ClientAdmittance {
    if (this.#failures.isQuiet) return ADMITTED;
    const [pair, all] = this.#scopes(clientId, address);
    const familiar = this.#familiar.has(nameOf(clientId, address));
    const retryAfter = Math.max(this.#failures.waitOf(pair), familiar ? 0 : this.#failures.waitOf(all));
    return retryAfter === 0 ? ADMITTED : { outcome: 'throttled', retryAfter };
  }

  /** The client has proved itself. Asks no store. */
  succeeded(clientId: string, address: string): void {
    const name = nameOf(clientId, address);
    if (this.#familiar.has(name)) return;
    this.#familiar.add(name);
    if (this.#familiar.size <= FAMILIAR) return;
    const [oldest] = this.#familiar;
    if (oldest !== undefined) this.#familiar.delete(oldest);
  }

  /** The credential was refused; one that was refused before is not counted again. Never rejects. */
  failed(clientId: string, address: string, credential: string): Promise<void> {
    return this.#failures.failed(this.#scopes(clientId, address), credential);
  }

  #scopes(clientId: string, address: string): [pair: FailureScope, all: FailureScope] {
    const { subscriber } = addressGroup(address);
    return [
      { parts: ['client', subscriber, clientId], limit: this.#limits.perClient },
      { parts: ['address', subscriber], limit: this.#limits.perAddress },
    ];
  }
}

function nameOf(clientId: string, address: string): string {
  return `${address}\n${clientId}`;
}
