import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Who is who at other OpenID providers, and in which sessions there: see lib/upstream. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('upstream_identities')
    .addColumn('issuer', text, (column) => column.notNull())
    .addColumn('subject', text, (column) => column.notNull())
    // No foreign key: people may be kept elsewhere.
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('provider', text, (column) => column.notNull())
    .addColumn('label', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .addPrimaryKeyConstraint('upstream_identities_key', ['issuer', 'subject'])
    .execute();
  await database.schema
    .createIndex('upstream_identities_sub')
    .on('upstream_identities')
    .column('sub')
    .execute();
  await database.schema
    .createTable('upstream_sessions')
    .addColumn('digest', text, (column) => column.primaryKey())
    .addColumn('sub', text, (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await database.schema
    .createIndex('upstream_sessions_expiry')
    .on('upstream_sessions')
    .column('expires_at')
    .execute();
}
