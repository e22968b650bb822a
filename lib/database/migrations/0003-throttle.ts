import type { Kysely } from 'kysely';

/** Counters of failed sign-ins, in the shape that rate-limiter-flexible's SQLite store wants: see lib/authentication. */
export async function up(database: Kysely<never>): Promise<void> {
  await database.schema
    .createTable('throttle')
    .addColumn('key', 'text', (column) => column.primaryKey())
    .addColumn('points', 'integer', (column) => column.notNull().defaultTo(0))
    .addColumn('expire', 'bigint')
    .execute();
  await database.schema.createIndex('throttle_expire').on('throttle').column('expire').execute();
}
