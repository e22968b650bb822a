import type { Kysely } from 'kysely';

/** What the protocol engine remembers: see lib/grants. */
export async function up(_database: Kysely<never>): Promise<void> {}
