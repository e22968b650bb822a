import { type RawBuilder, sql } from 'kysely';

/** What the same column is called in each store. */
export interface ColumnTypes {
  /** Text that sorts by its bytes, whatever the language of the machine. */
  text: 'text' | RawBuilder<string>;
  binary: 'blob' | 'bytea';
}

export const SQLITE_TYPES: ColumnTypes = { text: 'text', binary: 'blob' };

export const POSTGRES_TYPES: ColumnTypes = { text: sql<string>`text COLLATE "C"`, binary: 'bytea' };
