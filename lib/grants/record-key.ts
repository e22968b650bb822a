import { hash } from 'node:crypto';
import type { RecordKey } from './storage.ts';
import { timeOfIdentifier } from './token-identifier.ts';

/** Length of the time in front of a key, in bytes. */
const TIME_BYTES = 6;

/**
 * The key under which something is stored: a digest, so that a copy of the database names no usable token. Identifiers carry 240
 * random bits or more, which is why no salt is needed; the kind in front keeps a code from passing for a token. Where
 * an identifier begins with its time, so does its key, in clear, before 208 bits of the digest.
 */
export function recordKey(kind: string, identifier: string): RecordKey {
  const key = Buffer.from(hash('sha256', `${kind}:${identifier}`, 'binary'), 'binary');
  const time = timeOfIdentifier(identifier);
  if (time !== undefined) key.write(time, 0, TIME_BYTES, 'base64url');
  return key;
}

/** What a client presents without saying which it is (RFC 7009 §2.1, RFC 7662 §2.1): they share their keys, hence one look. */
const TOKENS: ReadonlySet<string> = new Set(['AccessToken', 'ClientCredentials', 'RefreshToken']);

/** The key of what the engine stores as `model`. */
export function modelKey(model: string, identifier: string): RecordKey {
  return recordKey(TOKENS.has(model) ? 'token' : model, identifier);
}
