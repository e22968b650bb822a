import type { Log } from './log.ts';

const WINDOW_SECONDS = 600;
/** Lines of one origin in a window. */
const MOST_OF_ONE = 200;
/** Lines of all in a window. */
const MOST = 2000;

/** Counts of one log. */
class RefusalLines {
  readonly #log: Log;
  readonly #written = new Map<string, number>();
  #total = 0;
  #omitted = 0;
  #windowEnds: NodeJS.Timeout | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  admit(origin: string): boolean {
    this.#windowEnds ??= setTimeout(() => this.#begin(), WINDOW_SECONDS * 1000).unref();
    const written = this.#written.get(origin) ?? 0;
    if (written >= MOST_OF_ONE || this.#total >= MOST) {
      if (this.#omitted === 0) {
        const fields = { seconds: WINDOW_SECONDS, ...(written < MOST_OF_ONE ? {} : { address: origin }) };
        this.#log.warn(fields, 'refused requests are counted from now on, not logged one by one');
      }
      this.#omitted += 1;
      return false;
    }
    this.#written.set(origin, written + 1);
    this.#total += 1;
    return true;
  }

  #begin(): void {
    if (this.#omitted > 0) {
      const fields = { count: this.#omitted, seconds: WINDOW_SECONDS };
      this.#log.warn(fields, 'refused requests were not logged one by one');
    }
    this.#windowEnds = undefined;
    this.#written.clear();
    this.#total = 0;
    this.#omitted = 0;
  }
}

const linesOf = new WeakMap<Log, RefusalLines>();

/**
 * Whether a request that was refused by the fault of whoever sent it may have a line of its own in this log: anybody can send
 * such requests, and nobody shall fill a disk with them. Each process writes 2000 in ten minutes, of these 200 of one `origin` (the
 * addresses of one subscriber); what is beyond is counted, and the count is logged.
 */
export function admitRefusalLine(log: Log, origin: string): boolean {
  const known = linesOf.get(log);
  const lines = known ?? new RefusalLines(log);
  if (known === undefined) linesOf.set(log, lines);
  return lines.admit(origin);
}
