import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Browsers that people have signed in with: see lib/authentication/known-browsers.ts. People may be kept elsewhere. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('known_browsers')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('login', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('known_browsers_sub').on('known_browsers').column('sub').execute();
  await schema.createIndex('known_browsers_expiry').on('known_browsers').column('expires_at').execute();
}
