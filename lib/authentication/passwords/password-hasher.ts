import { randomBytes } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import type { Configuration } from '../../../config/configuration.ts';
import type { PasswordHasher } from '../../accounts/password-hashing.ts';
import { POOL_THREADS } from '../../outbound/pool-threads.ts';

/**
 * Where as many stand in line, this many are answered together. What a sign-in does after its hash costs the main thread half as much beside
 * others that do the same (decision 7).
 */
const ANSWERED_TOGETHER = 4;

/** One form for the same password typed on different keyboards (NIST SP 800-63B-4 §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

/**
 * argon2id (RFC 9106). Each of the `threads` that hashes has `memory` KiB in use; who may not even wait for one is told `busy`. Throws when a
 * stored hash is not argon2id.
 */
export function createPasswordHasher(
  configuration: Pick<Configuration['passwords'], 'argon2'>,
  threads = POOL_THREADS,
): PasswordHasher {
  const { memory, iterations, parallelism } = configuration.argon2;
  const options = { memoryCost: memory, timeCost: iterations, parallelism };
  const prefix = `$argon2id$v=19$m=${memory},t=${iterations},p=${parallelism}$`;
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  /** Well-formed, made of nothing: nothing matches it, and finding that out costs what a real one costs. */
  const nobodysHash = `${prefix}${unpadded(randomBytes(16))}$${unpadded(randomBytes(32))}`;

  /** How many are hashing, or in line. */
  let asking = 0;
  const held: Array<() => void> = [];

  /**
   * Waits for nobody who may not come: those who make a group whole have asked already, and each of them ends. A group is begun by somebody who had
   * a whole one before them: nobody waits for others' hashes where there was no line.
   */
  async function together(before: number): Promise<void> {
    if (held.length === 0 && before < ANSWERED_TOGETHER) return;
    await new Promise<void>((resolve) => {
      held.push(resolve);
      const tooFew = held.length + asking < ANSWERED_TOGETHER;
      if (tooFew || held.length === ANSWERED_TOGETHER) for (const answer of held.splice(0)) answer();
    });
  }

  async function inTurn<T>(work: () => Promise<T>): Promise<T | 'busy'> {
    const before = asking;
    asking += 1;
    const leave = await threads.take();
    if (leave === undefined) {
      asking -= 1;
      return 'busy';
    }
    try {
      return await work();
    } finally {
      leave();
      asking -= 1;
      await together(before);
    }
  }

  return {
    async hash(password) {
      const hash = await inTurn(() => argon2Hash(normalise(password), options));
      return hash === 'busy' ? { outcome: 'busy' } : { outcome: 'hashed', hash };
    },
    async verify(hash, password) {
      if (hash !== undefined && !hash.startsWith('$argon2id$')) {
        throw new Error('a stored password hash is not argon2id');
      }
      const matches = await inTurn(() => argon2Verify(hash ?? nobodysHash, normalise(password)));
      if (matches === 'busy') return 'busy';
      return matches && hash !== undefined ? 'match' : 'mismatch';
    },
    needsRehash: (hash) => !hash.startsWith(prefix),
  };
}
