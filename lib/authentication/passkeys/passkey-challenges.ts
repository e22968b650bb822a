import {
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Database, DirectoryTransaction as Transaction } from '../../database/database.ts';
import { answerOnce } from '../answer-once.ts';

const RANDOM_BYTES = 32;
const TIME_BYTES = 6;
const MAC_BYTES = 32;
const LENGTH = RANDOM_BYTES + TIME_BYTES + MAC_BYTES;
const FORM = /^[\w-]+$/;

/** How long a challenge can be answered, in seconds. */
export const CHALLENGE_SECONDS = 300;

/** A challenge of ours that may still be answered. */
export interface LivingChallenge {
  /** Uses it up inside the transaction of what it allows; false when it has been answered, or has expired. */
  spend(transaction: Transaction, now: number): Promise<boolean>;
}

/**
 * Challenges of WebAuthn ceremonies (Level 3 §13.4.3: random, made here, answered once). One carries its time and a MAC over what it is for,
 * so that showing a page stores nothing, and a challenge of one interaction, session or purpose is nothing to another. That it is answered
 * once is a row in the directory, written in the transaction of what the answer allows: of any number of
 * attempts in any number of processes one succeeds.
 */
export class PasskeyChallenges {
  readonly #database: Database;
  readonly #keys: KeyObject[];

  constructor(database: Database) {
    this.#database = database;
    this.#keys = database.sealer.deriveAll('passkey-challenges').map((key) => createSecretKey(key));
  }

  /** A new challenge (base64url) for exactly this purpose, good for CHALLENGE_SECONDS. */
  issue(...purpose: string[]): string {
    const head = Buffer.alloc(RANDOM_BYTES + TIME_BYTES);
    randomBytes(RANDOM_BYTES).copy(head);
    head.writeUIntBE(this.#database.now(), RANDOM_BYTES, TIME_BYTES);
    return Buffer.concat([head, macOf(this.#keys[0] as KeyObject, head, purpose)]).toString('base64url');
  }

  /** The challenge, if it was issued for this purpose and has not expired. Whether it was answered shows when it is spent. */
  read(challenge: string, ...purpose: string[]): LivingChallenge | undefined {
    const bytes = FORM.test(challenge) ? Buffer.from(challenge, 'base64url') : Buffer.alloc(0);
    if (bytes.length !== LENGTH) return undefined;
    const head = bytes.subarray(0, RANDOM_BYTES + TIME_BYTES);
    const mac = bytes.subarray(RANDOM_BYTES + TIME_BYTES);
    if (!this.#keys.some((key) => timingSafeEqual(macOf(key, head, purpose), mac))) return undefined;
    const expiresAt = head.readUIntBE(RANDOM_BYTES, TIME_BYTES) + CHALLENGE_SECONDS * 1000;
    if (expiresAt <= this.#database.now()) return undefined;
    const digest = createHash('sha256').update(bytes).digest('base64url');
    return { spend: (transaction, now) => answerOnce(transaction, now, { digest, expires_at: expiresAt }) };
  }
}

function macOf(key: KeyObject, head: Uint8Array, purpose: readonly string[]): Buffer {
  return createHmac('sha256', key).update(head).update(JSON.stringify(purpose)).digest();
}
