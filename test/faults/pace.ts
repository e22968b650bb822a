import { setTimeout as sleep } from 'node:timers/promises';
import { type HistoryEvent, isUncertain } from './history.ts';

/** How long (ms) whoever got no answer asks again: within the grace of the token that they hold. */
const PERSISTENCE_MILLISECONDS = 45_000;

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How somebody goes about: when they pause, and for how long. */
export class Pace {
  readonly random: () => number;
  #running = true;

  constructor(random: () => number) {
    this.random = random;
  }

  get isRunning(): boolean {
    return this.#running;
  }

  /** Nothing new is begun. */
  stop(): void {
    this.#running = false;
  }

  /** Between two steps; people and programs do not ask back to back. */
  pause(longest = 100): Promise<void> {
    return sleep(5 + this.random() * longest);
  }

  /** Repeats what was not answered, as an honest client does; undefined when it gave up. */
  async persist<Result extends { event: HistoryEvent }>(
    attempt: () => Promise<Result>,
  ): Promise<Result | undefined> {
    const deadline = performance.now() + PERSISTENCE_MILLISECONDS;
    for (;;) {
      const result = await attempt();
      if (!isUncertain(result.event)) return result;
      if (performance.now() > deadline) return undefined;
      await this.pause(150);
    }
  }
}
