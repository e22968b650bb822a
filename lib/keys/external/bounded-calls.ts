import { Places } from '../../outbound/places.ts';

/** Calls that may wait for their turn; further ones are refused at once: their time would be over before it came. */
const MOST_WAITING = 1000;

/** Runs at most so many calls at once, each for a limited time (ms), in which the wait for its turn is counted. */
export class BoundedCalls {
  readonly #timeout: number;
  readonly #places: Places;

  constructor({ timeout, concurrency }: { timeout: number; concurrency: number }) {
    this.#timeout = timeout;
    this.#places = new Places(concurrency, MOST_WAITING);
  }

  /**
   * Rejects with what `call` rejects with, or, when the time is over, with an error that says so. A call whose time is over keeps
   * its place until it has ended: it must end when its signal is aborted.
   */
  async run<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const timeout = this.#timeout;
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
    const leave = await this.#places.take(this.#timeout);
    try {
      // Its time may have ended in the moment in which its turn came.
      if (leave === undefined) throw new Error('no place is free, or became so in time');
      signal.throwIfAborted();
      return await call(signal);
    } finally {
      leave?.();
    }
  }
}
