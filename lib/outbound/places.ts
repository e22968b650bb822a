/** A fixed number of places; who finds none waits for one, in the order of coming, as long as they like. */
export class Places {
  #free: number;
  readonly #waiting: Array<() => void> = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Takes a place; undefined when none became free in `milliseconds`. What comes back gives the place up, once. */
  async take(milliseconds: number): Promise<(() => void) | undefined> {
    if (this.#free > 0) {
      this.#free -= 1;
      return () => this.#giveUp();
    }
    const admitted = await new Promise<boolean>((resolve) => {
      const admit = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(admit), 1);
        resolve(false);
      }, milliseconds);
      this.#waiting.push(admit);
    });
    return admitted ? () => this.#giveUp() : undefined;
  }

  #giveUp(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}
