import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Types of rich authorization requests that an API defines (RFC 9396): lib/clients/authorization-details.ts. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  await database.schema
    .alterTable('apis')
    .addColumn('authorization_details_types', text, (column) => column.notNull().defaultTo('{}'))
    .execute();
}
