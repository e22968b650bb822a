import { createHash, randomInt } from 'node:crypto';
import type { Database, DirectoryTransaction } from '../../database/database.ts';

const CODES = 10;
/** Without letters and digits that are taken for one another. */
const ALPHABET = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const CHARACTERS = 24;
const GROUP = 6;

/**
 * Codes to get in with when everything else is lost. 120 random bits each: a plain digest of one gives nothing away
 * (NIST SP 800-63B-4 §3.1.2.2), and guessing one is hopeless. Each is used once, by removing its row.
 */
export class RecoveryCodes {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** New codes in place of all former ones, inside the transaction of what they belong to. They can never be read again. */
  async replace(sub: string, transaction: DirectoryTransaction, now: number): Promise<string[]> {
    const codes = Array.from({ length: CODES }, newCode);
    await transaction.deleteFrom('recovery_codes').where('sub', '=', sub).execute();
    await transaction
      .insertInto('recovery_codes')
      .values(codes.map((code) => ({ digest: digestOf(sub, code), sub, created_at: now })))
      .execute();
    return codes;
  }

  /** The same for somebody who has none; undefined when there are some, which stay. */
  async first(sub: string, transaction: DirectoryTransaction, now: number): Promise<string[] | undefined> {
    const present = await transaction
      .selectFrom('recovery_codes')
      .select('sub')
      .where('sub', '=', sub)
      .limit(1)
      .executeTakeFirst();
    return present === undefined ? this.replace(sub, transaction, now) : undefined;
  }

  /** Uses a code up: false when it is none of the person's, or was used. */
  use(sub: string, given: string): Promise<boolean> {
    const digest = digestOf(sub, given);
    return this.#database.transaction(async (transaction) => {
      const used = await transaction
        .deleteFrom('recovery_codes')
        .where('digest', '=', digest)
        .where('sub', '=', sub)
        .returning('digest')
        .executeTakeFirst();
      return used !== undefined;
    });
  }
}

function newCode(): string {
  const characters = Array.from({ length: CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
  return characters.match(new RegExp(`.{${GROUP}}`, 'g'))?.join('-') ?? characters;
}

/** However somebody writes it: small or capital letters, with or without what parts the groups. */
function digestOf(sub: string, code: string): string {
  const plain = code.toUpperCase().replaceAll(/[^A-Z0-9]/g, '');
  return createHash('sha256')
    .update(JSON.stringify([sub, plain]))
    .digest('base64url');
}
