import type { Database, DirectoryTransaction } from '../../database/database.ts';
import { isStorable } from '../../database/prepared-query.ts';
import { digestOf, type MakeRoom, newToken, roomMaker, tokensIn, withToken } from '../browser-tokens.ts';

const USER_AGENT_CHARACTERS = 200;

/** A browser in which the second step is left out for a while. */
export interface RememberedDevice {
  /** What it is called by here: nothing that a browser could show. */
  id: string;
  userAgent: string;
  /** Unix time, ms. */
  createdAt: number;
  usedAt: number;
  expiresAt: number;
}

/**
 * Browsers in which a person's second step need not be taken again for a while. A browser holds a random token for each
 * such person, the directory a digest of it. Whoever changes their password or their factors is remembered nowhere.
 */
export class RememberedDevices {
  readonly #database: Database;
  readonly #limits: { seconds: number; perPerson: number };
  readonly #makeRoom: MakeRoom;

  constructor(database: Database, limits: { seconds: number; perPerson: number }) {
    this.#database = database;
    this.#limits = limits;
    this.#makeRoom = roomMaker(database, {
      table: 'remembered_devices',
      recency: 'used_at',
      atMost: limits.perPerson,
    });
  }

  /** How long (s) a browser is remembered; 0: never. */
  get seconds(): number {
    return this.#limits.seconds;
  }

  /** Remembers this browser; answers what its cookie is to hold from now on. A person's oldest gives way to one too many. */
  async remember(sub: string, browser: { held: string | undefined; userAgent: string }): Promise<string> {
    const { seconds } = this.#limits;
    // Never one that the browser held before: whoever put it there would be remembered as well.
    const token = newToken();
    const held = tokensIn(browser.held);
    await this.#database.transaction(async (transaction, now) => {
      await this.#makeRoom(transaction, now, { sub, held });
      await transaction
        .insertInto('remembered_devices')
        .values({
          digest: digestOf(token),
          sub,
          user_agent: browser.userAgent.slice(0, USER_AGENT_CHARACTERS),
          created_at: now,
          used_at: now,
          expires_at: now + seconds * 1000,
        })
        .execute();
    });
    return withToken(token, held);
  }

  /** Whether the browser that holds this is remembered for the person, whose password has not changed since. */
  async isRemembered(sub: string, held: string | undefined): Promise<boolean> {
    const digests = this.#limits.seconds === 0 ? [] : tokensIn(held).map(digestOf);
    if (digests.length === 0) return false;
    const now = this.#database.now();
    // A shorter time that was configured since then holds for all.
    const since = now - this.#limits.seconds * 1000;
    const row = await this.#database.query
      .selectFrom('remembered_devices')
      .leftJoin('passwords', 'passwords.sub', 'remembered_devices.sub')
      .select(['remembered_devices.digest', 'remembered_devices.created_at', 'passwords.changed_at'])
      .where('remembered_devices.sub', '=', sub)
      .where('digest', 'in', digests)
      .where('expires_at', '>', now)
      .where('created_at', '>', since)
      .executeTakeFirst();
    if (row === undefined || Number(row.changed_at ?? 0) > Number(row.created_at)) return false;
    await this.#database.transaction((transaction) =>
      transaction
        .updateTable('remembered_devices')
        .set({ used_at: now })
        .where('digest', '=', row.digest)
        .execute(),
    );
    return true;
  }

  /** A person's, latest used first. */
  async list(sub: string): Promise<RememberedDevice[]> {
    const rows = await this.#database.query
      .selectFrom('remembered_devices')
      .leftJoin('passwords', 'passwords.sub', 'remembered_devices.sub')
      .selectAll('remembered_devices')
      .select('passwords.changed_at')
      .where('remembered_devices.sub', '=', sub)
      .where('expires_at', '>', this.#database.now())
      .orderBy('used_at', 'desc')
      .execute();
    return rows
      .filter((row) => Number(row.changed_at ?? 0) <= Number(row.created_at))
      .map((row) => ({
        id: row.digest,
        userAgent: row.user_agent,
        createdAt: Number(row.created_at),
        usedAt: Number(row.used_at),
        expiresAt: Number(row.expires_at),
      }));
  }

  /** Forgets one of a person's browsers, or all of them. */
  async forget(sub: string, id?: string): Promise<void> {
    await this.#database.transaction((transaction) => this.forgetIn(transaction, sub, id));
  }

  /** The same inside the transaction of what ends them. */
  async forgetIn(transaction: DirectoryTransaction, sub: string, id?: string): Promise<void> {
    if (id !== undefined && !isStorable(id)) return;
    const theirs = transaction.deleteFrom('remembered_devices').where('sub', '=', sub);
    await (id === undefined ? theirs : theirs.where('digest', '=', id)).execute();
  }
}
