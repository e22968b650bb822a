import { createHash, randomBytes } from 'node:crypto';
import type { Database, DirectoryTransaction } from '../database/database.ts';

const TOKEN_BYTES = 32;
const TOKEN_FORM = /^[\w-]{43}$/;
/** How many people one browser holds tokens for. */
const PEOPLE = 5;

/** A random token: nothing about it tells whose it is. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The tokens in what a cookie holds; what is none is passed over. */
export function tokensIn(held: string | undefined): string[] {
  const tokens = (held ?? '').split('.').filter((token) => TOKEN_FORM.test(token));
  return [...new Set(tokens)].slice(0, PEOPLE);
}

/** What a cookie is to hold from now on: this token, and as many of the others as there is room for. */
export function withToken(token: string, others: readonly string[]): string {
  return [...new Set([token, ...others])].slice(0, PEOPLE).join('.');
}

/** What a token is known by here: nothing that a browser could show. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Makes room for one more browser of a person, in the transaction that adds it. */
export type MakeRoom = (
  transaction: DirectoryTransaction,
  now: number,
  person: { sub: string; held: readonly string[] },
) => Promise<void>;

/**
 * Takes away what has expired, what the browser held of this person before, and the least recent (by `recency`) of those that are one too
 * many. No more than `atMost` are kept of anybody.
 */
export function roomMaker(
  database: Database,
  {
    table,
    recency,
    atMost,
  }: {
    table: 'known_browsers' | 'remembered_devices';
    recency: 'created_at' | 'used_at';
    atMost: number;
  },
): MakeRoom {
  const removeExpired = database.prepare((query, { now }: { now: number }) =>
    query.deleteFrom(table).where('expires_at', '<=', now),
  );
  const listOf = database.prepare((query, { sub }: { sub: string }) =>
    query
      .selectFrom(table)
      .select('digest')
      .where('sub', '=', sub)
      // Only one of the tables has `used_at`, which the types of a query over either cannot say.
      .orderBy(recency as 'created_at', 'desc'),
  );
  return async (transaction, now, { sub, held }) => {
    await removeExpired({ now }, transaction);
    const ofBrowser = held.map(digestOf);
    const theirs = (await listOf({ sub }, transaction)).map(({ digest }) => digest);
    const others = theirs.filter((digest) => !ofBrowser.includes(digest));
    const leaving = [...theirs.filter((digest) => ofBrowser.includes(digest)), ...others.slice(atMost - 1)];
    if (leaving.length > 0) await transaction.deleteFrom(table).where('digest', 'in', leaving).execute();
  };
}
