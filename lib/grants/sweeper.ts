import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import type { GrantStorage } from './storage.ts';

/** How often expired records are looked for (ms); each process adds up to half of it, so that they take turns. */
const INTERVAL_MILLISECONDS = 30_000;
/** The most that one step removes, of each kind: a step holds the database for about a millisecond. */
const STEP_ROWS = 200;
/** The most steps at one time. */
const STEPS = 50;

/** Removes what has expired, in steps small enough that no request waits for one. */
export class Sweeper {
  readonly #storage: GrantStorage;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(storage: GrantStorage, log: Log) {
    this.#storage = storage;
    this.#log = log;
  }

  /** Sweeps from time to time; does not keep the process alive. */
  start(): void {
    const delay = INTERVAL_MILLISECONDS * (1 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#sweeping = this.sweep()
        .catch((err: unknown) => this.#log.warn({ err }, 'expired records could not be removed; later'))
        .finally(() => {
          if (this.#timer !== undefined) this.start();
        });
    }, delay);
    this.#timer.unref();
  }

  /** Removes what has expired by now, at most 10,000 of each kind. */
  async sweep(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      if (!(await this.#storage.sweep(STEP_ROWS))) return;
      await nextTurn();
    }
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#sweeping;
  }
}
