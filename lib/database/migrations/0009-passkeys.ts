import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Passkeys, and the challenges that were answered: see lib/authentication/passkeys/passkeys.ts. */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('passkeys')
    .addColumn('credential_id', text, (column) => column.primaryKey())
    // No foreign key: people may be kept elsewhere.
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('user_handle', text, (column) => column.notNull())
    .addColumn('public_key', binary, (column) => column.notNull())
    .addColumn('counter', 'bigint', (column) => column.notNull())
    .addColumn('transports', text, (column) => column.notNull())
    .addColumn('aaguid', text, (column) => column.notNull())
    .addColumn('backup_eligible', 'integer', (column) => column.notNull())
    .addColumn('backed_up', 'integer', (column) => column.notNull())
    .addColumn('attested', 'integer', (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .addColumn('copy_suspected_at', 'bigint')
    .execute();
  await database.schema.createIndex('passkeys_sub').on('passkeys').column('sub').execute();
  await database.schema
    .createTable('answered_challenges')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('answered_challenges_expiry')
    .on('answered_challenges')
    .column('expires_at')
    .execute();
}
