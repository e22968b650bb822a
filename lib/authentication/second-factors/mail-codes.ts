import { createHmac, createSecretKey, type KeyObject, randomInt, timingSafeEqual } from 'node:crypto';
import type { Database } from '../../database/database.ts';

const DIGITS = 6;
/** How often one code may be typed wrongly before another must be sent. */
const ATTEMPTS = 5;
/** How long a code is good for, in seconds. */
export const MAIL_CODE_SECONDS = 600;

/**
 * Codes sent by mail, to be typed where the person signs in: each belongs to one sign-in in one browser (`place`), so that reading
 * it elsewhere signs nobody in there. The directory keeps a MAC of it. A code is used once, and judged a few times.
 */
export class MailCodes {
  readonly #database: Database;
  readonly #keys: KeyObject[];

  constructor(database: Database) {
    this.#database = database;
    this.#keys = database.sealer.deriveAll('mail-codes').map((key) => createSecretKey(key));
  }

  /** A new code in place of the former one of that place. */
  async create(sub: string, place: string): Promise<string> {
    const code = String(randomInt(10 ** DIGITS)).padStart(DIGITS, '0');
    const digest = macOf(this.#keys[0] as KeyObject, place, code).toString('base64url');
    await this.#database.transaction(async (transaction, now) => {
      await transaction.deleteFrom('mail_codes').where('expires_at', '<=', now).execute();
      const values = { sub, digest, attempts_left: ATTEMPTS, expires_at: now + MAIL_CODE_SECONDS * 1000 };
      await transaction
        .insertInto('mail_codes')
        .values({ id: place, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
        .execute();
    });
    return code;
  }

  /** Whether it is the code of that place and person, for the first time. Each call is one of its few attempts. */
  use(sub: string, place: string, code: string): Promise<boolean> {
    const given = code.replaceAll(/\s/g, '');
    return this.#database.transaction(async (transaction, now) => {
      const row = await transaction
        .updateTable('mail_codes')
        .set((expression) => ({ attempts_left: expression('attempts_left', '-', 1) }))
        .where('id', '=', place)
        .where('sub', '=', sub)
        .where('attempts_left', '>', 0)
        .where('expires_at', '>', now)
        .returning('digest')
        .executeTakeFirst();
      if (row === undefined) return false;
      const kept = Buffer.from(row.digest, 'base64url');
      if (!this.#keys.some((key) => timingSafeEqual(macOf(key, place, given), kept))) return false;
      await transaction.deleteFrom('mail_codes').where('id', '=', place).execute();
      return true;
    });
  }
}

function macOf(key: KeyObject, place: string, code: string): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([place, code]))
    .digest();
}
