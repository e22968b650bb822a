/** The first pause (ms) before a worker that ended by itself is started again. */
const FIRST_MILLISECONDS = 200;
/** The longest. */
const LONGEST_MILLISECONDS = 30_000;
/** A worker that served for so long (ms) has not ended for what ended the one before. */
const HEALTHY_MILLISECONDS = 60_000;

/** How long to wait before a worker is started again: longer from one failure to the next, and short again after a while of health. */
export class RestartPause {
  #failures = 0;

  /** The pause (ms) after a worker that lived for so long (ms). Up to a fifth of it is chance: not all come back in the same moment. */
  after(livedMilliseconds: number): number {
    if (livedMilliseconds >= HEALTHY_MILLISECONDS) this.#failures = 0;
    const pause = Math.min(FIRST_MILLISECONDS * 2 ** this.#failures, LONGEST_MILLISECONDS);
    this.#failures += 1;
    return Math.round(pause * (1 - Math.random() / 5));
  }
}
