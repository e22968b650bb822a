import { createHash, randomBytes } from 'node:crypto';
import type { DirectoryTransaction } from '../database/database.ts';

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

/**
 * Makes room for one more browser of a person: takes away what has expired, what this browser held of them before, and the least recent
 * (by `recency`) of those that are one too many.
 */
export async function makeRoom(
  transaction: DirectoryTransaction,
  now: number,
  {
    table,
    recency,
    sub,
    held,
    atMost,
  }: {
    table: 'known_browsers' | 'remembered_devices';
    recency: 'created_at' | 'used_at';
    sub: string;
    held: readonly string[];
    atMost: number;
  },
): Promise<void> {
  await transaction.deleteFrom(table).where('expires_at', '<=', now).execute();
  if (held.length > 0) {
    await transaction
      .deleteFrom(table)
      .where('sub', '=', sub)
      .where('digest', 'in', held.map(digestOf))
      .execute();
  }
  const others = await transaction
    .selectFrom(table)
    .select('digest')
    .where('sub', '=', sub)
    // Only one of the tables has `used_at`, which the types of a query over either cannot say.
    .orderBy(recency as 'created_at', 'desc')
    .execute();
  const tooMany = others.slice(atMost - 1).map(({ digest }) => digest);
  if (tooMany.length > 0) await transaction.deleteFrom(table).where('digest', 'in', tooMany).execute();
}
