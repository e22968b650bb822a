import { randomInt } from 'node:crypto';

/** No vowels and no look-alikes: a reference is read out over the phone and never spells a word. */
const REFERENCE_ALPHABET = '23456789BCDFGHJKMNPQRTVWXZ';

/** A short random reference that an error page shows and the log line of the same event carries. */
export function createReference(): string {
  return Array.from({ length: 8 }, () => REFERENCE_ALPHABET[randomInt(REFERENCE_ALPHABET.length)]).join('');
}
