import type { Kysely } from 'kysely';

/** What the scopes of an API allow, in words for the consent page. */
export async function up(database: Kysely<never>): Promise<void> {
  await database.schema
    .alterTable('apis')
    .addColumn('scope_descriptions', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute();
}
