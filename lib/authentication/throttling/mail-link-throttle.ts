import type { Configuration } from '../../../config/configuration.ts';
import { canonicalLogin } from '../../accounts/canonical-login.ts';
import type { Database } from '../../database/database.ts';
import type { Log } from '../../observability/log.ts';
import { addressGroup } from './address-group.ts';
import { counterDigest } from './counter-digest.ts';
import type { ThrottleCounters } from './throttle-counters.ts';

export type MailLinkAdmittance =
  | { outcome: 'admitted' }
  /** This person has been sent enough: whoever asks is told the same as ever, and no mail is sent. */
  | { outcome: 'recipient_full' }
  /** `retryAfter` in whole seconds, at least 1. */
  | { outcome: 'throttled'; retryAfter: number }
  /** The store is in trouble: nothing is sent that was not counted. */
  | { outcome: 'unavailable' };

/**
 * Limits on mail that strangers can cause: by the address that asks, and by the person who would be written to, whether or
 * not there is one. Counters are keyed by a MAC: the store tells neither.
 */
export class MailLinkThrottle {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #limits: Configuration['throttling']['mail'];
  readonly #log: Log;

  constructor(options: {
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    configuration: Configuration['throttling']['mail'];
    log: Log;
  }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/mail-link-throttle');
    this.#limits = options.configuration;
    this.#log = options.log;
  }

  /** Counts a request for a mail to whoever has this login or address. Never rejects. */
  async admit(recipient: string, address: string): Promise<MailLinkAdmittance> {
    const { perRecipient, perAddress, window } = this.#limits;
    const canonical = canonicalLogin(recipient);
    const person = canonical.outcome === 'canonical' ? canonical.login : `\0${recipient}`;
    try {
      const byAddress = await this.#take(['address', addressGroup(address).subscriber], perAddress, window);
      if (byAddress.outcome === 'full') {
        return {
          outcome: 'throttled',
          retryAfter: Math.max(1, Math.ceil(byAddress.millisecondsLeft / 1000)),
        };
      }
      const byPerson = await this.#take(['recipient', person], perRecipient, window);
      return { outcome: byPerson.outcome === 'full' ? 'recipient_full' : 'admitted' };
    } catch (err) {
      this.#log.error({ err }, 'no mail is sent: requests for mail cannot be counted');
      return { outcome: 'unavailable' };
    }
  }

  #take(parts: string[], limit: number, seconds: number) {
    const name = this.#digest(...parts);
    return this.#counters.take([{ key: { group: name, name }, limit, seconds }]);
  }
}
