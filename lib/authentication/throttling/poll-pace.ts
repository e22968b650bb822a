import type { Database } from '../../database/database.ts';
import type { Log } from '../../observability/log.ts';
import { counterDigest } from './counter-digest.ts';
import type { CounterKey, ThrottleCounters } from './throttle-counters.ts';

/** How long (s) a client waits between two polls, and by how much more after each `slow_down` (RFC 8628 §3.2 and §3.5). */
export const POLL_INTERVAL_SECONDS = 5;
/** How much sooner (s) than that a poll is still in time: clocks and networks are not exact. */
const ALLOWANCE_SECONDS = 1;
/** The longest interval (s) that is enforced. Clients that were told to slow down more often wait longer by themselves. */
const LONGEST_INTERVAL_SECONDS = 60;

/**
 * How often a client may ask whether somebody has answered, kept with the counters of throttling, that is over all processes. An
 * impatient client is slowed, never starved: the time counts from the last poll that was answered.
 */
export class PollPace {
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #log: Log;

  constructor(options: { counters: ThrottleCounters; database: Pick<Database, 'sealer'>; log: Log }) {
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/poll-pace');
    this.#log = options.log;
  }

  /**
   * Notes a poll about something that is still pending; answers whether it came too early. `secondsLeft` is how long the
   * thing lives yet at most. Never rejects: while the store is in trouble nobody is told to slow down.
   */
  async isTooEarly(code: string, secondsLeft: number): Promise<boolean> {
    try {
      return await this.#note(code, Math.max(1, Math.ceil(secondsLeft)));
    } catch (err) {
      this.#log.warn({ err }, 'polling is not paced: the store is in trouble');
      return false;
    }
  }

  async #note(code: string, secondsLeft: number): Promise<boolean> {
    const group = this.#digest('group', code);
    const last: CounterKey = { group, name: this.#digest('last', code) };
    const slowed: CounterKey = { group, name: this.#digest('slowed', code) };
    const times = (await this.#counters.get(slowed))?.points ?? 0;
    const seconds = intervalAfter(times) - ALLOWANCE_SECONDS;
    const taking = await this.#counters.take([{ key: last, limit: 1, seconds }]);
    if (taking.outcome === 'taken') return false;
    await this.#counters.take([{ key: slowed, limit: Number.POSITIVE_INFINITY, seconds: secondsLeft }]);
    const longer = intervalAfter(times + 1) - intervalAfter(times);
    if (longer > 0) await this.#counters.set(last, 1, Math.ceil(taking.millisecondsLeft / 1000) + longer);
    return true;
  }
}

/** The interval (s) of a client that was told to slow down so many times. */
function intervalAfter(times: number): number {
  return Math.min(POLL_INTERVAL_SECONDS * (1 + times), LONGEST_INTERVAL_SECONDS);
}
