/**
 * What the unavoidable pieces of an operation cost on this machine, now: a signature, a password hash. Measured in this
 * process, synchronously where Node allows it, as processor time.
 */
import { generateKeyPairSync, sign } from 'node:crypto';
import { hashSync, verify } from '@node-rs/argon2';

/** argon2id at Latchkey's default parameters (OWASP: 19 MiB, 2 iterations, 1 lane). */
export const argon2idOptions = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

async function microsecondsEach(seconds: number, piece: () => unknown): Promise<number> {
  for (let warm = 0; warm < 5; warm += 1) {
    await piece();
  }
  let count = 0;
  const before = process.cpuUsage();
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    await piece();
    count += 1;
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}

/** Microseconds of processor time for one of each. */
export async function measureRawLimits(
  seconds: number,
): Promise<{ rs256: number; es256: number; argon2id: number }> {
  const data = Buffer.alloc(500, 'a');
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const password = 'a password of ordinary length';
  const hashed = hashSync(password, argon2idOptions);
  return {
    rs256: await microsecondsEach(seconds, () => sign('sha256', data, rsa)),
    // In DER, with the key itself as the argument: asking for the raw form (ieee-p1363) doubles the price, while
    // turning one into the other takes half a microsecond.
    es256: await microsecondsEach(seconds, () => sign('sha256', data, ec)),
    argon2id: await microsecondsEach(seconds, () => verify(hashed, password)),
  };
}
