import { randomBytes } from 'node:crypto';
import { hash as argon2Hash, verify as argon2Verify } from '@node-rs/argon2';
import type { Configuration } from '../../../config/configuration.ts';
import type { PasswordHasher } from '../../accounts/password-hashing.ts';
import { Places, THREADS_FOR_LONG_WORK } from '../../outbound/places.ts';

/**
 * A core is left to the event loop, so that a wave of sign-ins does not slow everybody else down, and a thread of the pool to signatures and the
 * disk, which would wait behind whole hashes (decision 10). On one core there is one all the same.
 */
const MAXIMUM_AT_ONCE = Math.max(THREADS_FOR_LONG_WORK, 1);
/** The most that wait for a thread. Further ones are told `busy` rather than piling up memory and delay. */
const MAXIMUM_WAITING = 128;
/**
 * While at least as many wait in line, this many are answered together. What a sign-in does after its hash costs the main thread half as
 * much beside others that do the same (decision 7).
 */
const ANSWERED_TOGETHER = 4;

/** One form for the same password typed on different keyboards (NIST SP 800-63B-4 §3.1.1.2). */
function normalise(password: string): string {
  return password.normalize('NFKC');
}

/**
 * argon2id (RFC 9106). Memory in use is at most `atOnce` times `memory` KiB; beyond `waiting` callers the answer is
 * `busy`. Throws when a stored hash is not argon2id.
 */
export function createPasswordHasher(
  configuration: Pick<Configuration['passwords'], 'argon2'>,
  limits: { atOnce?: number; waiting?: number } = {},
): PasswordHasher {
  const { memory, iterations, parallelism } = configuration.argon2;
  const places = new Places(limits.atOnce ?? MAXIMUM_AT_ONCE, limits.waiting ?? MAXIMUM_WAITING);
  const options = { memoryCost: memory, timeCost: iterations, parallelism };
  const prefix = `$argon2id$v=19$m=${memory},t=${iterations},p=${parallelism}$`;
  const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '');
  /** Well-formed, made of nothing: nothing matches it, and finding that out costs what a real one costs. */
  const nobodysHash = `${prefix}${unpadded(randomBytes(16))}$${unpadded(randomBytes(32))}`;

  const held: Array<() => void> = [];

  /** Waits for nobody who may not come: those who make a group whole have asked already, and each of them ends. */
  async function together(): Promise<void> {
    await new Promise<void>((resolve) => {
      held.push(resolve);
      const tooFew = held.length + places.asked < ANSWERED_TOGETHER;
      if (tooFew || held.length === ANSWERED_TOGETHER) for (const answer of held.splice(0)) answer();
    });
  }

  async function inTurn<T>(work: () => Promise<T>): Promise<T | 'busy'> {
    const leave = await places.take();
    if (leave === undefined) return 'busy';
    try {
      return await work();
    } finally {
      leave();
      await together();
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
