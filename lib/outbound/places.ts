/** A fixed number of places; who finds none waits for one, in the order of coming, unless too many wait already. */
export class Places {
  #free: number;
  readonly #mostWaiting: number;
  readonly #waiting: Array<() => void> = [];

  constructor(count: number, mostWaiting = Number.POSITIVE_INFINITY) {
    this.#free = count;
    this.#mostWaiting = mostWaiting;
  }

  /** Takes a place if one is free. What comes back gives it up, and is called once. */
  takeFree(): (() => void) | undefined {
    if (this.#free === 0) return undefined;
    this.#free -= 1;
    return () => this.#giveUp();
  }

  /**
   * Takes a place; undefined when as many wait already as may, or when none became free in `milliseconds`; without a limit it waits as long as
   * it takes. What comes back gives the place up, and is called once.
   */
  async take(milliseconds?: number): Promise<(() => void) | undefined> {
    const leave = this.takeFree();
    if (leave !== undefined) return leave;
    if (this.#waiting.length >= this.#mostWaiting) return undefined;
    const admitted = await new Promise<boolean>((resolve) => {
      const admit = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const end = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        resolve(false);
      };
      const timer = milliseconds === undefined ? undefined : setTimeout(end, milliseconds);
      this.#waiting.push(admit);
    });
    return admitted ? () => this.#giveUp() : undefined;
  }

  /** The place goes straight to who waits longest, so that nobody comes in between. */
  #giveUp(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
