import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Secrets that outlive every rotation of keys: see lib/database/lasting-secret.ts. */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('lasting_secrets')
    .addColumn('name', text, (column) => column.primaryKey())
    .addColumn('sealed', binary, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
}
