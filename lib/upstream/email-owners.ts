import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/**
 * Whether the record of somebody who is kept here has this address, in whatever case. It reads the claims of the whole
 * directory: for what happens once in a person's life.
 */
export async function isEmailOfSomebody({ query }: Database, email: string): Promise<boolean> {
  const written = `"email":${JSON.stringify(email)}`.toLowerCase();
  const pattern = `%${written.replaceAll(/[!%_]/g, (character) => `!${character}`)}%`;
  const row = await query
    .selectFrom('accounts')
    .select('sub')
    .where(sql<boolean>`lower(claims) LIKE ${pattern} ESCAPE '!'`)
    .executeTakeFirst();
  return row !== undefined;
}
