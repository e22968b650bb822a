import { randomInt } from 'node:crypto';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** How often (ms) a process looks whether it is quiet; up to a quarter of a second more, so that not all workers collect at once. */
const LOOK_MILLISECONDS = 1000;
const SPREAD_MILLISECONDS = 250;
/** The share of that time in which a quiet process was busy at the most; what it does by itself is half a percent. */
const QUIET = 0.02;
/**
 * How many looks in a row find a process quiet that has become so. After a whole collection much code is compiled again for some seconds:
 * requests that pause for a moment would pay for it with a third more processor time.
 */
const QUIET_LOOKS = 5;
/** How much (bytes) the old part of the heap must have grown since the last time: less is not worth the pause. */
const WORTH_BYTES = 6 * 1024 * 1024;
/** A heap (bytes) that is larger is left to V8: the pause grows with what is alive. */
const MOST_BYTES = 128 * 1024 * 1024;
/** The least time (ms) from one time to the next: requests that are rare leave a process quiet between them. */
const APART_MILLISECONDS = 20_000;

let gc: ((options: object) => void) | undefined;

/**
 * A whole collection that leaves no page behind which could be done without: some 100 ms in which nothing else happens. V8 offers it
 * to embedders for when memory is short, and has no other name for it.
 */
function collect(): void {
  if (gc === undefined) {
    setFlagsFromString('--expose-gc');
    // By its object: a runtime that has no such thing goes on without.
    gc = runInNewContext('globalThis.gc') as typeof gc;
  }
  gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

/** Bytes that the old part of the heap takes. The young one fills and empties with every few requests. */
function oldBytes(): number {
  const old = getHeapSpaceStatistics().filter(({ space_name }) => !space_name.startsWith('new_'));
  return old.reduce((sum, { space_size }) => sum + space_size, 0);
}

/**
 * Gives memory back to the system whenever this process has become quiet after the start or after work. V8 collects as it allocates: what
 * the last wave of requests has left would stay until the next one. Answers what ends it.
 */
export function returnMemoryWhenQuiet(
  settings: { look?: number; apart?: number; worth?: number; size?: () => number; collect?: () => void } = {},
): () => void {
  const { look = LOOK_MILLISECONDS + randomInt(SPREAD_MILLISECONDS), apart = APART_MILLISECONDS } = settings;
  const { worth = WORTH_BYTES, size = oldBytes } = settings;
  let seen: EventLoopUtilization = performance.eventLoopUtilization();
  let quietLooks = 0;
  let left = 0;
  let returnedAt = Number.NEGATIVE_INFINITY;
  const timer = setInterval(() => {
    const before = seen;
    seen = performance.eventLoopUtilization();
    const isQuiet = performance.eventLoopUtilization(seen, before).utilization <= QUIET;
    quietLooks = isQuiet ? quietLooks + 1 : 0;
    if (quietLooks < QUIET_LOOKS) return;
    const bytes = size();
    if (performance.now() - returnedAt < apart || bytes < left + worth || bytes > MOST_BYTES) return;
    (settings.collect ?? collect)();
    left = size();
    returnedAt = performance.now();
    seen = performance.eventLoopUtilization();
  }, look);
  timer.unref();
  return () => clearInterval(timer);
}
