import type { Kysely } from 'kysely';

/** Counters of failed sign-ins: see lib/authentication. `expire` is Unix time, ms. */
export async function up(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('throttle')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('points', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('expire', 'bigint')
    .execute();
  await database.schema.createIndex('throttle_expire').on('throttle').column('expire').execute();
}
