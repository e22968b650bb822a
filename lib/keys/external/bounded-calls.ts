/** Calls that may wait for their turn; further ones are refused at once, since their time would be over before it came. */
const MOST_WAITING = 1000;

/** Runs at most so many calls at once, each for a limited time (ms), in which the wait for its turn is counted. */
export class BoundedCalls {
  readonly #limits: { timeout: number; concurrency: number };
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(limits: { timeout: number; concurrency: number }) {
    this.#limits = limits;
  }

  /**
   * Rejects with what `call` rejects with, or, when the time is over, with an error that says so. A call whose time is over keeps
   * its place until it has ended: it must end when its signal is aborted.
   */
  async run<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { timeout } = this.#limits;
    const ending = new AbortController();
    const { promise: over, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`no answer within ${timeout} ms`);
      reject(error);
      ending.abort(error);
    }, timeout);
    over.catch(() => {});
    const under = this.#inTurn(call, ending.signal);
    under.catch(() => {});
    try {
      return await Promise.race([under, over]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #inTurn<T>(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running >= this.#limits.concurrency) await this.#turn(signal);
    else this.#running += 1;
    try {
      return await call(signal);
    } finally {
      const [next] = this.#waiting;
      // The place goes to the next, so the number of places taken stays.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= MOST_WAITING) throw new Error(`${MOST_WAITING} others wait already`);
    return new Promise((resolve, reject) => {
      const take = (): void => {
        this.#waiting.delete(take);
        signal.removeEventListener('abort', give);
        resolve();
      };
      const give = (): void => {
        this.#waiting.delete(take);
        reject(signal.reason);
      };
      this.#waiting.add(take);
      signal.addEventListener('abort', give, { once: true });
    });
  }
}
