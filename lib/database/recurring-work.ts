import { setTimeout as pause } from 'node:timers/promises';

/**
 * Work that every process does from time to time, such as deleting what has had its time. Each pause is up to half as long again
 * by chance, so that processes take turns; a failure is told and the next turn comes nevertheless. Does not keep the process alive.
 */
export class RecurringWork {
  readonly #work: () => Promise<unknown>;
  readonly #times: { firstAfter: number; interval: number };
  readonly #failed: (error: unknown) => void;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  /** `firstAfter` and `interval` in ms. `failed` hears what `work` rejects with. */
  constructor(options: {
    work: () => Promise<unknown>;
    firstAfter: number;
    interval: number;
    failed: (error: unknown) => void;
  }) {
    this.#work = options.work;
    this.#times = options;
    this.#failed = options.failed;
  }

  /** For work in steps to end early. */
  get isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const { firstAfter, interval } = this.#times;
    const rest = (milliseconds: number): Promise<unknown> =>
      pause(milliseconds, undefined, { ref: false, signal }).catch(() => undefined);
    if (firstAfter > 0) await rest(firstAfter);
    while (!this.isStopping) {
      await this.#work().catch(this.#failed);
      await rest(interval * (1 + Math.random() / 2));
    }
  }
}
