import { type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { HAS_SPARE_CORE, POOL_THREADS } from '../outbound/pool-threads.ts';

const signInPool = promisify<string | null, Uint8Array, KeyObject | SignKeyObjectInput, Buffer>(sign);

/**
 * A signature of a kind that takes long, by another thread while one is free: the main thread goes on meanwhile. Else at once: whatever waits in line
 * for a thread costs more, and the cores do no more than they can (docs/decisions/0046-signing-threads.md).
 */
export function signAside(
  digest: string | null,
  data: Uint8Array,
  key: KeyObject | SignKeyObjectInput,
): Buffer | Promise<Buffer> {
  const leave = HAS_SPARE_CORE ? POOL_THREADS.takeFree() : undefined;
  if (leave === undefined) return sign(digest, data, key);
  return signInPool(digest, data, key).finally(leave);
}
