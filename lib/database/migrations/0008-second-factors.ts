import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Second factors: see lib/authentication/second-factors/second-factors.ts. People may be kept elsewhere: no row refers to an account's. */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('totp_secrets')
    .addColumn('sub', text, (column) => column.primaryKey())
    .addColumn('sealed', binary, (column) => column.notNull())
    .addColumn('last_step', 'bigint', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('recovery_codes')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('recovery_codes_sub').on('recovery_codes').column('sub').execute();
  await schema
    .createTable('mail_codes')
    .addColumn('id', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('attempts_left', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('mail_codes_expiry').on('mail_codes').column('expires_at').execute();
  await schema
    .createTable('remembered_devices')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('user_agent', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('used_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('remembered_devices_sub').on('remembered_devices').column('sub').execute();
}
