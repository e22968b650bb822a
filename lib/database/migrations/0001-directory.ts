import { type Kysely, sql } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** People, applications, APIs, signing keys, leases and revision numbers. */
export async function up(database: Kysely<never>, { text, binary }: ColumnTypes): Promise<void> {
  const schema = database.schema;
  await schema
    .createTable('revisions')
    .addColumn('topic', text, (column) => column.primaryKey())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('accounts')
    .addColumn('sub', text, (column) => column.primaryKey())
    .addColumn('login', text, (column) => column.notNull().unique())
    .addColumn('disabled', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('claims', text, (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('passwords')
    .addColumn('sub', text, (column) => column.primaryKey().references('accounts.sub').onDelete('cascade'))
    .addColumn('hash', text, (column) => column.notNull())
    .addColumn('changed_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('clients')
    .addColumn('client_id', text, (column) => column.primaryKey())
    .addColumn('metadata', text, (column) => column.notNull())
    .addColumn('secret_digest', text)
    .addColumn('secret_sealed', binary)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('apis')
    .addColumn('identifier', text, (column) => column.primaryKey())
    .addColumn('name', text)
    .addColumn('scopes', text, (column) => column.notNull())
    .addColumn('scope_descriptions', text, (column) => column.notNull().defaultTo('{}'))
    .addColumn('token_format', text, (column) => column.notNull())
    .addColumn('algorithm', text, (column) => column.notNull())
    .addColumn('lifetime', 'integer')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .execute();
  await schema
    .createTable('signing_keys')
    .addColumn('kid', text, (column) => column.primaryKey())
    .addColumn('algorithm', text, (column) => column.notNull())
    .addColumn('state', text, (column) =>
      column.notNull().check(sql`state IN ('announced', 'active', 'retired')`),
    )
    .addColumn('public_jwk', text, (column) => column.notNull())
    .addColumn('private_key', binary)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('activates_at', 'bigint', (column) => column.notNull())
    .addColumn('activated_at', 'bigint')
    .addColumn('retired_at', 'bigint')
    .addColumn('expires_at', 'bigint')
    .execute();
  await schema
    .createTable('leases')
    .addColumn('name', text, (column) => column.primaryKey())
    .addColumn('holder', text, (column) => column.notNull())
    .addColumn('fencing_token', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
}
