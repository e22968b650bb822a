import { type KeyObject, type SignKeyObjectInput, sign } from 'node:crypto';
import { availableParallelism } from 'node:os';

/** The main thread has a core of its own, and one of the four threads of Node's pool is left to the disk. */
const MOST_THREADS = Math.min(availableParallelism() - 1, 3);
let threads = 0;

/**
 * A signature of a kind that takes long, by another thread while one is free: the main thread goes on meanwhile. Else at once: whatever waits in line
 * for a thread costs more, and the cores do no more than they can (docs/decisions/0046-signing-threads.md).
 */
export function signAside(
  digest: string | null,
  data: Uint8Array,
  key: KeyObject | SignKeyObjectInput,
): Buffer | Promise<Buffer> {
  if (threads >= MOST_THREADS) return sign(digest, data, key);
  return new Promise((resolve, reject) => {
    sign(digest, data, key, (error, signature) => {
      threads -= 1;
      if (error === null) resolve(signature);
      else reject(error);
    });
    // After it: it throws what it is not to be asked at all.
    threads += 1;
  });
}
