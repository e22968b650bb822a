import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** What a person sees and asks for on their account page: see lib/self-service. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('account_activity')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('address', text)
    .addColumn('user_agent', text)
    .addColumn('client_id', text)
    .execute();
  await database.schema
    .createIndex('account_activity_person')
    .on('account_activity')
    .columns(['sub', 'at'])
    .execute();
  await database.schema.createIndex('account_activity_age').on('account_activity').column('at').execute();
  await database.schema
    .createTable('application_uses')
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('client_id', text, (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('application_uses_key', ['sub', 'client_id'])
    .execute();
  await database.schema
    .createIndex('application_uses_age')
    .on('application_uses')
    .column('used_at')
    .execute();
  await database.schema
    .createTable('account_deletions')
    .addColumn('sub', text, (column) => column.primaryKey())
    .addColumn('requested_at', 'bigint', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('account_deletions_due')
    .on('account_deletions')
    .column('due_at')
    .execute();
}
