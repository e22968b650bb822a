import { hash } from 'node:crypto';
import type { RecordKey } from './storage.ts';

/**
 * The key under which something is stored: a digest, so that a copy of the database names no usable token. Identifiers of
 * tokens carry 256 random bits, which is why no salt is needed; the kind in front keeps a code from passing for a token.
 */
export function recordKey(kind: string, identifier: string): RecordKey {
  return hash('sha256', `${kind}:${identifier}`, 'buffer');
}
