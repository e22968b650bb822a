import { randomFillSync } from 'node:crypto';

/**
 * An identifier made here: the time of issue (ms), then where it is kept (random where that means nothing, see
 * slot-tags.ts), then 192 random bits: more than can be guessed (RFC 6749 §10.10 asks for 128).
 */
const TIME_BYTES = 6;
const LATEST_TIME = 2 ** (8 * TIME_BYTES);
const PLACE_BYTES = 6;
const RANDOM_BYTES = 24;
/** Of the part in front, of which a record's key has a copy. */
export const FRONT_BYTES = TIME_BYTES + PLACE_BYTES;
/** Of the whole, and of the part in front, in base64url. */
const LENGTH = 48;
const FRONT_LENGTH = 16;

/** Random bytes are drawn for many identifiers at once; what was given out is overwritten. */
const pool = Buffer.alloc((PLACE_BYTES + RANDOM_BYTES) * 128);
let next = pool.length;

/**
 * A new identifier, 48 characters. The time in front makes the keys of tokens that are issued together neighbours in the
 * store (record-key.ts): a commit then writes one page of the database and not one for each token. `setPlace` may write its
 * six bytes of place, of which it is handed the whole front.
 */
export function createTokenIdentifier(setPlace?: (front: Buffer) => void): string {
  if (next === pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  const taken = PLACE_BYTES + RANDOM_BYTES;
  const bytes = Buffer.allocUnsafe(TIME_BYTES + taken);
  bytes.writeUIntBE(Date.now(), 0, TIME_BYTES);
  pool.copy(bytes, TIME_BYTES, next, next + taken);
  pool.fill(0, next, next + taken);
  next += taken;
  setPlace?.(bytes.subarray(0, FRONT_BYTES));
  return bytes.toString('base64url');
}

/** Time and place in front of an identifier that was made here, in base64url; undefined for any other. */
export function frontOfIdentifier(identifier: string): string | undefined {
  return identifier.length === LENGTH ? identifier.slice(0, FRONT_LENGTH) : undefined;
}

/** An identifier of the same form that takes its random part from `secret` (32 bytes) and its time and place from a neighbour. */
export function neighbourIdentifier(neighbour: string, secret: Buffer): string {
  const front = frontOfIdentifier(neighbour);
  return front === undefined
    ? secret.toString('base64url')
    : `${front}${secret.subarray(0, RANDOM_BYTES).toString('base64url')}`;
}

/**
 * The same, a millisecond later: the keys of a long line of tokens stay in the order in which they are issued, where the newest are found in the
 * same pages. Not for a store that takes the place from the time (slot-tags.ts).
 */
export function laterIdentifier(neighbour: string, secret: Buffer): string {
  const identifier = neighbourIdentifier(neighbour, secret);
  if (frontOfIdentifier(neighbour) === undefined) return identifier;
  const bytes = Buffer.from(identifier, 'base64url');
  bytes.writeUIntBE((bytes.readUIntBE(0, TIME_BYTES) + 1) % LATEST_TIME, 0, TIME_BYTES);
  return bytes.toString('base64url');
}
