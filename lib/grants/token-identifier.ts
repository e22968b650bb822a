import { randomFillSync } from 'node:crypto';

/** The time of issue (ms) in front, then 240 random bits: more than can be guessed (RFC 6749 §10.10 asks for 128). */
const TIME_BYTES = 6;
const RANDOM_BYTES = 30;
/** Of the whole, and of the time alone, in base64url. */
const LENGTH = 48;
const TIME_LENGTH = 8;

/** Random bytes are drawn for many identifiers at once; what was given out is overwritten. */
const pool = Buffer.alloc(RANDOM_BYTES * 128);
let next = pool.length;

/**
 * A new identifier, 48 characters. The time in front makes the keys of tokens that are issued together neighbours in the
 * store (record-key.ts): a commit then writes one page of the database and not one for each token.
 */
export function createTokenIdentifier(): string {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const bytes = Buffer.allocUnsafe(TIME_BYTES + RANDOM_BYTES);
  bytes.writeUIntBE(Date.now(), 0, TIME_BYTES);
  pool.copy(bytes, TIME_BYTES, next, next + RANDOM_BYTES);
  pool.fill(0, next, next + RANDOM_BYTES);
  next += RANDOM_BYTES;
  return bytes.toString('base64url');
}

/** The time in front of an identifier that was made here, in base64url; undefined for any other. */
export function timeOfIdentifier(identifier: string): string | undefined {
  return identifier.length === LENGTH ? identifier.slice(0, TIME_LENGTH) : undefined;
}

/** An identifier of the same form that takes its random part from `secret` (32 bytes) and its place from a neighbour. */
export function neighbourIdentifier(neighbour: string, secret: Buffer): string {
  const time = timeOfIdentifier(neighbour);
  return time === undefined
    ? secret.toString('base64url')
    : `${time}${secret.subarray(0, RANDOM_BYTES).toString('base64url')}`;
}
