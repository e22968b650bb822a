import { createHash } from 'node:crypto';
import type { Configuration } from '../../../config/configuration.ts';
import type { Events } from '../../observability/events.ts';
import type { Log } from '../../observability/log.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';

/** How much of a digest is told: some 800 leaked passwords share it. */
const PREFIX_DIGITS = 5;
/** A padded answer has about 1000 lines of 45 bytes. */
const MAXIMUM_BYTES = 256 * 1024;
const LINE = /^([0-9A-F]{35}):(\d{1,10})$/;

/**
 * Passwords that have leaked somewhere, asked of a service by k-anonymity: five of the forty digits of the password's SHA-1
 * leave this machine, and padding hides from the wire how long the answer is. A service that does not answer keeps nobody from choosing a
 * password. docs/decisions/0033-breached-passwords.md.
 */
export class BreachedPasswords {
  readonly #settings: Configuration['passwords']['breached'];
  readonly #safeFetch: SafeFetch;
  readonly #events: Events;
  readonly #log: Log;

  constructor(options: {
    settings: Configuration['passwords']['breached'];
    safeFetch: SafeFetch;
    events: Events;
    log: Log;
  }) {
    this.#settings = options.settings;
    this.#safeFetch = options.safeFetch;
    this.#events = options.events;
    this.#log = options.log;
  }

  /** Whether it has leaked as often as is minded. False when nobody is asked, or does not answer. Emits password.looked_up. */
  async include(password: string): Promise<boolean> {
    const { url, minimum } = this.#settings;
    if (url === undefined) return false;
    const digest = createHash('sha1').update(password.normalize('NFKC')).digest('hex').toUpperCase();
    try {
      const times = await this.#timesSeen(url, digest);
      this.#events.emit('password.looked_up', { outcome: times >= minimum ? 'breached' : 'unknown' });
      return times >= minimum;
    } catch (error) {
      this.#events.emit('password.looked_up', { outcome: 'failed' });
      // The error names the service and no digit: `cause` is what the socket or the status was.
      this.#log.warn(
        { cause: wordsOf(error) },
        'whether a password has leaked could not be asked; it was taken',
      );
      return false;
    }
  }

  async #timesSeen(url: string, digest: string): Promise<number> {
    const response = await this.#safeFetch(`${url}/${digest.slice(0, PREFIX_DIGITS)}`, {
      headers: { 'add-padding': 'true', accept: 'text/plain' },
      maximumBytes: MAXIMUM_BYTES,
      timeoutMs: this.#settings.timeout,
    });
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    const lines = (await response.text()).split(/\r?\n/).filter((line) => line !== '');
    const rest = digest.slice(PREFIX_DIGITS);
    let times = 0;
    for (const line of lines) {
      const [, suffix, count] = LINE.exec(line.trim().toUpperCase()) ?? [];
      if (suffix === undefined) throw new Error('a line that is not one of a range');
      // Padding is seen 0 times.
      if (suffix === rest) times = Number(count);
    }
    return times;
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
