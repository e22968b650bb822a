import { setTimeout as pause } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import type { GrantStorage } from './storage.ts';

/** How often expired records are looked for (ms); each process adds up to half of it, so that they take turns. */
const INTERVAL_MILLISECONDS = 30_000;
/** The most that one step removes, of each kind: a step holds the database for some milliseconds. */
const STEP_ROWS = 200;
/**
 * How many times as long as a step takes, waiting for others included, is rested before the next: requests have the database
 * for nine tenths of the time, however much there is to remove and however many processes remove it.
 */
const REST = 9;
const SHORTEST_REST_MILLISECONDS = 5;

/** Removes what has expired: all of it, in steps small enough that no request waits for one. */
export class Sweeper {
  readonly #storage: GrantStorage;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  #sweeping: Promise<void> | undefined;

  constructor(storage: GrantStorage, log: Log) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Sweeps from time to time until `stop`; does not keep the process alive. */
  start(): void {
    this.#sweeping = this.#sweepFromTimeToTime();
  }

  /** Removes what has expired by now; ends early when it is stopped. */
  async sweep(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const began = performance.now();
      if (!(await this.#storage.sweep(STEP_ROWS))) return;
      await this.#rest(Math.max(SHORTEST_REST_MILLISECONDS, REST * (performance.now() - began)));
    }
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
  }

  async #sweepFromTimeToTime(): Promise<void> {
    for (;;) {
      await this.#rest(INTERVAL_MILLISECONDS * (1 + Math.random() / 2));
      if (this.#stopping.signal.aborted) return;
      await this.sweep().catch((err: unknown) =>
        this.#log.warn({ err }, 'expired records could not be removed; later'),
      );
    }
  }

  /** Ends early, without an error, when it is stopped. */
  async #rest(milliseconds: number): Promise<void> {
    await pause(milliseconds, undefined, { ref: false, signal: this.#stopping.signal }).catch(
      () => undefined,
    );
  }
}
