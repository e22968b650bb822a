import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/**
 * Notices that wait for their delivery (lib/notifications/notifications.ts), and sign-ins that wait for a person's answer
 * (lib/authentication/authentication-requests.ts).
 */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('notifications')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('recipient', text, (column) => column.notNull())
    .addColumn('details', binary, (column) => column.notNull())
    .addColumn('state', text, (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('lease', text)
    .addColumn('problem', text)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('notifications_due')
    .on('notifications')
    .columns(['state', 'due_at'])
    .execute();
  await database.schema
    .createTable('authentication_requests')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('details', binary, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('authentication_requests_person')
    .on('authentication_requests')
    .column('sub')
    .execute();
}
