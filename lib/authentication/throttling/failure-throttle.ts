import type { Database } from '../../database/database.ts';
import type { Log } from '../../observability/log.ts';
import { counterDigest } from './counter-digest.ts';
import type { CounterKey, ThrottleCounters } from './throttle-counters.ts';

/** How many counters and guesses a process remembers; past that the oldest are forgotten, and asked of the store again. */
const REMEMBERED = 10_000;

/** By what failures are counted together, and how many there may be in a window. */
export interface FailureScope {
  readonly parts: readonly string[];
  readonly limit: number;
}

interface Tally {
  points: number;
  /** Unix time, ms, by this process's clock. */
  endsAt: number;
}

function remember<Value>(memory: Map<string, Value>, name: string, value: Value): void {
  memory.delete(name);
  memory.set(name, value);
  if (memory.size <= REMEMBERED) return;
  const [oldest] = memory.keys();
  if (oldest !== undefined) memory.delete(oldest);
}

/**
 * Limits on failures, for proofs that succeed all the time: looking whether somebody has to wait asks this process's memory alone,
 * and the store hears of failures only. A process learns what others counted with the next failure that it sees. Failing again
 * with the same guess is no second guess, and is not counted. docs/decisions/0012-throttling-of-clients.md.
 */
export class FailureThrottle {
  readonly #name: string;
  readonly #window: number;
  readonly #counters: ThrottleCounters;
  readonly #digest: (...parts: string[]) => string;
  readonly #log: Log;
  readonly #tallies = new Map<string, Tally>();
  readonly #guesses = new Map<string, number>();

  /** `name` tells the counters of one throttle from another's; `window` in seconds. */
  constructor(options: {
    name: string;
    window: number;
    counters: ThrottleCounters;
    database: Pick<Database, 'sealer'>;
    log: Log;
  }) {
    this.#name = options.name;
    this.#window = options.window;
    this.#counters = options.counters;
    this.#digest = counterDigest(options.database, 'latchkey/failure-throttle');
    this.#log = options.log;
  }

  /** Whether nobody has failed lately, as far as this process knows. */
  get isQuiet(): boolean {
    return this.#tallies.size === 0;
  }

  /** Seconds until the next attempt is judged, at least 1; 0 when it is judged now. */
  waitOf({ parts, limit }: FailureScope): number {
    const tally = this.#tallies.get(parts.join('\n'));
    if (tally === undefined || tally.points < limit) return 0;
    return Math.max(0, Math.ceil((tally.endsAt - Date.now()) / 1000));
  }

  /**
   * Counts a failure in each scope, unless `guess` has failed in the first of them before. Here it counts at once, in the store before this
   * resolves; never rejects: while the store is in trouble each process counts alone.
   */
  async failed(scopes: readonly [FailureScope, ...FailureScope[]], guess: string): Promise<void> {
    const [first] = scopes;
    const now = Date.now();
    const guessed = this.#digest(this.#name, 'guess', ...first.parts, guess);
    if ((this.#guesses.get(guessed) ?? 0) > now) return;
    const endsAt = now + this.#window * 1000;
    remember(this.#guesses, guessed, endsAt);
    for (const { parts } of scopes) {
      const name = parts.join('\n');
      const known = this.#tallies.get(name);
      const living = known !== undefined && known.endsAt > now ? known : { points: 0, endsAt };
      remember(this.#tallies, name, { ...living, points: living.points + 1 });
    }
    try {
      await this.#share(scopes, guessed);
    } catch (err) {
      this.#log.warn({ err }, 'failed attempts are counted by this process alone: the store is in trouble');
    }
  }

  async #share(scopes: readonly FailureScope[], guessed: string): Promise<void> {
    const group = this.#digest(this.#name, 'group', ...(scopes[0]?.parts ?? []));
    const seconds = this.#window;
    const isNew = await this.#counters.take([{ key: { group, name: guessed }, limit: 1, seconds }]);
    await Promise.all(
      scopes.map(async ({ parts }) => {
        const key: CounterKey = {
          group: this.#digest(this.#name, 'group', ...parts),
          name: this.#digest(this.#name, 'tally', ...parts),
        };
        const count =
          isNew.outcome === 'full'
            ? await this.#counters.get(key)
            : await this.#counters
                .take([{ key, limit: Number.POSITIVE_INFINITY, seconds }])
                .then((taken) => (taken.outcome === 'taken' ? taken.counts[0] : undefined));
        const tally = this.#tallies.get(parts.join('\n'));
        if (count === undefined || tally === undefined) return;
        tally.points = Math.max(tally.points, count.points);
        tally.endsAt = Date.now() + count.millisecondsLeft;
      }),
    );
  }
}
