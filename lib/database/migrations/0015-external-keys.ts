import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Signing keys whose private part is kept elsewhere: lib/keys/external. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  await database.schema.alterTable('signing_keys').addColumn('external_key', text).execute();
  await database.schema.alterTable('signing_keys').addColumn('withdrawn_at', 'bigint').execute();
}
