import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** How many of the last refusals are remembered. */
const REMEMBERED = 64;

/**
 * Has a refusal that took no proof take as long as one that did. A directory answers at once about somebody who is not there, and
 * after the search for their groups and the work of its password hash about who is; so each answer of the first kind waits until it
 * has taken as long as one of the second kind did lately.
 */
export class RefusalPace {
  readonly #durations: number[] = [];
  #next = 0;

  /** Remembers how long (ms) it took to find a password wrong. */
  remember(milliseconds: number): void {
    this.#durations[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  /** Waits, `milliseconds` having passed already. */
  async keep(milliseconds: number): Promise<void> {
    if (this.#durations.length === 0) return;
    const usual = this.#durations[randomInt(this.#durations.length)] as number;
    if (usual > milliseconds) await sleep(usual - milliseconds);
  }
}
