import { setTimeout as later } from 'node:timers/promises';
import type { RecordKey } from '../storage.ts';
import type { RedisCalls } from './redis-calls.ts';
import type { RedisNames } from './redis-names.ts';

/** How long (ms) it is waited for whoever used something first, and between two looks. */
const LONGEST_ISSUE_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 10;

/**
 * Waits until the unit `first`, which has claimed a single use, has issued what that was for (under the tag of `grantKey`), or
 * for half a second. Between claiming and issuing a second use must not end what the first is about to get: then nobody would
 * get anything. Answers whether it has issued.
 */
export async function firstUseEnded(
  { calls, names }: { calls: RedisCalls; names: RedisNames },
  { grantKey, first }: { grantKey: RecordKey; first: Buffer },
): Promise<boolean> {
  const deadline = performance.now() + LONGEST_ISSUE_MILLISECONDS;
  const outcome = names.outcome(names.tagOf(grantKey), first, 'main');
  while ((await calls.get(outcome)) === undefined) {
    if (performance.now() >= deadline) return false;
    await later(LOOK_MILLISECONDS);
  }
  return true;
}
