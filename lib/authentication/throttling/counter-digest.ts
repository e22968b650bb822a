import { createHmac, createSecretKey } from 'node:crypto';
import type { Database } from '../../database/database.ts';

/** Digits of base64url that are kept: 162 bits. */
const LENGTH = 27;

/**
 * Names counters by a MAC of what they count, under a key of `purpose`'s own: the store learns neither logins nor addresses, nor
 * that two purposes count the same.
 */
export function counterDigest(
  { sealer }: Pick<Database, 'sealer'>,
  purpose: string,
): (...parts: string[]) => string {
  const key = createSecretKey(sealer.derive(purpose));
  return (...parts) =>
    createHmac('sha256', key).update(JSON.stringify(parts)).digest('base64url').slice(0, LENGTH);
}
