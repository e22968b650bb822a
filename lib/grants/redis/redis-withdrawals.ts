import { setTimeout as later } from 'node:timers/promises';
import type { Log } from '../../observability/log.ts';
import { StorageUnavailable } from '../storage.ts';

/** For how long (ms) it is tried; a unit's outcome is remembered that long. */
const LONGEST_MILLISECONDS = 60_000;
const FIRST_PAUSE_MILLISECONDS = 50;
const LONGEST_PAUSE_MILLISECONDS = 500;
/** The most that wait at one time. What comes on top is not given back, as if the process had ended. */
const MOST = 10_000;

/**
 * Gives back what was used by requests that were answered with "try again": whether their writes ran is not known when Redis does
 * not answer. Without this the retry of an honest client would look like a second use, and end its tokens.
 */
export class Withdrawals {
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #waiting = new Set<Promise<void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  add(withdraw: () => Promise<void>): void {
    if (this.#waiting.size >= MOST || this.#stop.signal.aborted) return;
    const trying = this.#try(withdraw).finally(() => this.#waiting.delete(trying));
    this.#waiting.add(trying);
  }

  /** Those that are still tried are given up. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#waiting);
  }

  async #try(withdraw: () => Promise<void>): Promise<void> {
    const deadline = performance.now() + LONGEST_MILLISECONDS;
    for (
      let pause = FIRST_PAUSE_MILLISECONDS;
      performance.now() < deadline;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS)
    ) {
      try {
        await later(pause, undefined, { signal: this.#stop.signal, ref: false });
        await withdraw();
        return;
      } catch (err) {
        if (this.#stop.signal.aborted) return;
        if (err instanceof StorageUnavailable) continue;
        this.#log.error({ err }, 'what a failed request used could not be given back');
        return;
      }
    }
  }
}
