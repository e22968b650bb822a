import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { ColumnTypes } from '../column-types.ts';

/** Epochs of what the provider remembers: see lib/database/backup/epoch.ts. */
export async function up(database: Kysely<never>, { text }: ColumnTypes): Promise<void> {
  await database.schema
    .createTable('epochs')
    .addColumn('number', 'integer', (column) => column.primaryKey())
    .addColumn('id', text, (column) => column.notNull())
    .addColumn('began_at', 'bigint', (column) => column.notNull())
    .execute();
  await (database as unknown as Kysely<{ epochs: { number: number; id: string; began_at: number } }>)
    .insertInto('epochs')
    .values({ number: 1, id: randomUUID(), began_at: 0 })
    .execute();
}
