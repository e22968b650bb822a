import { NotReady } from './readiness.ts';

/**
 * How far (s) this machine's clock may be from the store's. Less than the minute of tolerance that APIs commonly have for tokens
 * that seem to be from the future.
 */
const TOLERANCE_SECONDS = 10;

/** Answers the present time by another machine's clock; Unix time, ms. */
export type RemoteClock = () => number | Promise<number>;

/** How far (s) this machine's clock is ahead of a remote one, as well as a round trip can tell. */
async function clockSkew(clock: RemoteClock): Promise<number> {
  const askedAt = Date.now();
  const remote = await clock();
  return ((askedAt + Date.now()) / 2 - remote) / 1000;
}

/** Compares this machine’s clock with those of the stores. */
export class ClockWatch {
  readonly #clocks: ReadonlyArray<RemoteClock>;
  #skew = 0;

  constructor(clocks: ReadonlyArray<RemoteClock>) {
    this.#clocks = clocks;
  }

  /** As of the last check, s; the largest of them. */
  get skew(): number {
    return this.#skew;
  }

  /** Rejects with NotReady when a store's clock tells another time. Tokens would live too long, or not yet. */
  async check(): Promise<void> {
    const skews = await Promise.all(this.#clocks.map(clockSkew));
    this.#skew = skews.reduce((largest, skew) => (Math.abs(skew) > Math.abs(largest) ? skew : largest), 0);
    if (Math.abs(this.#skew) <= TOLERANCE_SECONDS) return;
    const seconds = Math.round(Math.abs(this.#skew));
    throw new NotReady(
      `this machine's clock is ${seconds} s ${this.#skew > 0 ? 'ahead of' : 'behind'} the store's: synchronise both`,
    );
  }
}
