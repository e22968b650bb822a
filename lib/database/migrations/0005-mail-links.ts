import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Single-use links that are sent by mail: see lib/authentication/mail-links.ts. */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('mail_links')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('purpose', text, (column) => column.notNull())
    .addColumn('account', text)
    .addColumn('details', binary, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema.createIndex('mail_links_account').on('mail_links').column('account').execute();
  await database.schema.createIndex('mail_links_expiry').on('mail_links').column('expires_at').execute();
}
