import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

/** A value that may be there at once: what is remembered, or read from the embedded file. */
export type MaybePromise<Value> = Value | Promise<Value>;

/** Finds rows by one key column. */
export interface RowFinding<Row> {
  find(key: string): MaybePromise<Row | undefined>;
  close(): void;
}

interface KeyColumns {
  clients: 'client_id';
  client_documents: 'client_id';
  apis: 'identifier';
}

export type RowFinder = <Table extends keyof KeyColumns>(
  table: Table,
  column: KeyColumns[Table],
) => RowFinding<DatabaseSchema[Table]>;

/** Of an embedded file, by a prepared statement on a connection of its own. */
export function findRowIn(openConnection: () => DatabaseSync): RowFinder {
  return <Table extends keyof KeyColumns>(table: Table, column: KeyColumns[Table]) => {
    const connection = openConnection();
    const statement = connection.prepare(`SELECT * FROM ${table} WHERE ${column} = ?`);
    return {
      find: (key) => statement.get(key) as DatabaseSchema[Table] | undefined,
      close: () => connection.close(),
    };
  };
}

/** Of PostgreSQL, by a round trip. */
export function findRowOver(query: Kysely<DatabaseSchema>): RowFinder {
  return <Table extends keyof KeyColumns>(table: Table, column: KeyColumns[Table]) => ({
    find: async (key) => {
      if (!isStorable(key)) return undefined;
      return (query as unknown as Kysely<Record<string, Record<string, unknown>>>)
        .selectFrom(table as string)
        .selectAll()
        .where(column as string, '=', key)
        .executeTakeFirst() as Promise<DatabaseSchema[Table] | undefined>;
    },
    close: () => {},
  });
}

/** Whether any store can hold this text: PostgreSQL has no NUL, and refuses to be asked for one. */
export function isStorable(text: string): boolean {
  return !text.includes('\0');
}
