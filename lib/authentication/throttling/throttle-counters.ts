/** What a counter is known by. Both parts are digests: the store learns neither logins nor addresses. */
export interface CounterKey {
  /** Counters of one group change together; a Cluster keeps them on one server. */
  readonly group: string;
  readonly name: string;
}

/** A counter's value and what is left of its life, in ms. */
export interface Count {
  readonly points: number;
  readonly millisecondsLeft: number;
  /** When it ends at the latest (Unix time, ms, by the store's clock): before any later counter of that key could end. */
  readonly endsBy: number;
}

/** A counter to add one to, up to `limit`; it ends `seconds` after it was first added to. */
export interface Taking {
  readonly key: CounterKey;
  readonly limit: number;
  readonly seconds: number;
}

export type Taken =
  | { readonly outcome: 'taken'; readonly counts: Count[] }
  /** The counter at `index` is full, for so long (ms) yet; nothing was counted. */
  | { readonly outcome: 'full'; readonly index: number; readonly millisecondsLeft: number };

/**
 * Counters with an end, shared by all processes and kept over their restarts: in Redis when it is configured, else in
 * the file of the data directory. Changes are atomic. Every method rejects when the store is in trouble: with RedisUnavailable,
 * or with DatabaseUnavailable.
 */
export interface ThrottleCounters {
  /** Adds one to each counter of one group, unless one of them is full: then to none. */
  take(takings: readonly Taking[]): Promise<Taken>;
  /**
   * Takes back what `take` counted. Of a counter that has ended since there is nothing to take back: what ended must not
   * become a credit in the one that follows it.
   */
  giveBack(taken: readonly { key: CounterKey; count: Count }[]): Promise<void>;
  /** Sets a counter, which ends `seconds` from now. */
  set(key: CounterKey, points: number, seconds: number): Promise<void>;
  get(key: CounterKey): Promise<Count | undefined>;
  /** Whether it was there: of any number of callers one is told so. */
  remove(key: CounterKey): Promise<boolean>;
}
