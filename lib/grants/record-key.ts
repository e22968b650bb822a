import { hash } from 'node:crypto';
import type { RecordKey } from './storage.ts';
import { FRONT_BYTES, frontOfIdentifier } from './token-identifier.ts';

const DIGEST_BYTES = 32;
/** Of a key with a front: it replaces all but 192 bits of the digest. */
export const FRONTED_KEY_BYTES = 36;

/** What others name: an identifier of theirs is never taken for one that was made here. */
const NAMED_BY_OTHERS: ReadonlySet<string> = new Set(['account', 'client', 'user code']);

/** A session, a grant, a person and a client are asked for with each request of theirs: their keys are worked out once. */
const MOST_REMEMBERED = 4096;
/** Longer than any identifier that is made here; what others name may be of any length. */
const LONGEST_REMEMBERED = 64;
/** Kept as text: a small Buffer is a window on some KiB that it keeps alive. */
const remembered = new Map<string, string>();

/**
 * The key under which something is stored: a digest, so that a copy of the store names no usable token. Identifiers carry 192
 * random bits or more, which is why no salt is needed; the kind in front keeps a code from passing for a token. Where
 * an identifier was made here, its time and place come first, in clear, before 192 bits of the digest.
 */
export function recordKey(kind: string, identifier: string): RecordKey {
  const name = `${kind}:${identifier}`;
  const known = remembered.get(name);
  if (known !== undefined) return Buffer.from(known, 'latin1');
  const key = makeKey(kind, identifier, hash('sha256', name, 'binary'));
  if (identifier.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(name, key.toString('latin1'));
  }
  return key;
}

function makeKey(kind: string, identifier: string, digest: string): RecordKey {
  const front = NAMED_BY_OTHERS.has(kind) ? undefined : frontOfIdentifier(identifier);
  if (front === undefined) return Buffer.from(digest, 'binary');
  const key = Buffer.allocUnsafe(FRONTED_KEY_BYTES);
  key.fill(0, 0, FRONTED_KEY_BYTES - DIGEST_BYTES);
  key.write(digest, FRONTED_KEY_BYTES - DIGEST_BYTES, DIGEST_BYTES, 'binary');
  // What is no base64url writes less than this, over bytes that are the same for the same identifier.
  key.write(front, 0, FRONT_BYTES, 'base64url');
  return key;
}

/** What a client presents without saying which it is (RFC 7009 §2.1, RFC 7662 §2.1): they share their keys, hence one look. */
const TOKENS: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials', 'RefreshToken']);

/** The key of what the engine stores as `model`. */
export function modelKey(model: string, identifier: string): RecordKey {
  return recordKey(TOKENS.has(model) ? 'token' : model, identifier);
}
