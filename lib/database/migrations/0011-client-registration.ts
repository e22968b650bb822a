import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Applications that register themselves: lib/clients/registration-policy.ts and lib/clients/client-documents.ts. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  const { schema } = database;
  await schema
    .alterTable('clients')
    .addColumn('origin', text, (column) => column.notNull().defaultTo('operator'))
    .execute();
  await schema.alterTable('clients').addColumn('registration_token_digest', text).execute();
  await schema.alterTable('clients').addColumn('last_used_at', 'bigint').execute();
  await schema
    .createTable('registration_tokens')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('digest', text, (column) => column.notNull().unique())
    .addColumn('label', text)
    .addColumn('uses', 'integer', (column) => column.notNull())
    .addColumn('maximum_uses', 'integer')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('client_documents')
    .addColumn('client_id', text, (column) => column.primaryKey())
    .addColumn('metadata', text)
    .addColumn('problem', text)
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('fetched_at', 'bigint', (column) => column.notNull())
    .addColumn('fresh_until', 'bigint', (column) => column.notNull())
    .addColumn('stale_until', 'bigint', (column) => column.notNull())
    .execute();
}
