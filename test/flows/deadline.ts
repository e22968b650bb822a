import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a promise comes to, or an error that names what was waited for when it has not come in time (ms): without one, a test that hangs
 * is told of by its title alone.
 */
export async function withDeadline<Result>(
  what: string,
  milliseconds: number,
  promise: Promise<Result>,
): Promise<Result> {
  const settled = new AbortController();
  const late = sleep(milliseconds, undefined, { signal: settled.signal }).then(() => {
    throw new Error(`not within ${milliseconds} ms: ${what}`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
  }
}
