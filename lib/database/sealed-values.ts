import { type Kysely, sql } from 'kysely';
import type { DatabaseSchema } from './schema.ts';
import { SealError, type Sealer, sealingKeyId } from './sealer.ts';

/** A column of sealed values; `contextOf` says what the value of one row is sealed for. */
export interface SealedColumn {
  table: string;
  /** The column that names the row. */
  key: string;
  column: string;
  contextOf(key: string): string;
  /** What such a value is, in words. */
  what: string;
}

export interface SealedSurvey {
  /** Values that the keys open, by whether the newest sealed them. */
  current: number;
  older: number;
  unreadable: { what: string; key: string; keyId: string }[];
}

/** Opens every value of these columns; a database of an earlier version may lack some of the tables. */
export async function surveySealed(
  query: Kysely<DatabaseSchema>,
  columns: ReadonlyArray<SealedColumn>,
  sealer: Sealer,
): Promise<SealedSurvey> {
  const survey: SealedSurvey = { current: 0, older: 0, unreadable: [] };
  const tables = new Set((await query.introspection.getTables()).map(({ name }) => name));
  for (const { table, key, column, contextOf, what } of columns.filter((each) => tables.has(each.table))) {
    const { rows } = await sql<{ name: string; sealed: Uint8Array }>`
      SELECT ${sql.ref(key)} AS name, ${sql.ref(column)} AS sealed FROM ${sql.table(table)}
      WHERE ${sql.ref(column)} IS NOT NULL`.execute(query);
    for (const { name, sealed } of rows) {
      try {
        sealer.open(sealed, contextOf(name));
        survey[sealer.isCurrent(sealed) ? 'current' : 'older'] += 1;
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        survey.unreadable.push({ what, key: name, keyId: sealingKeyId(sealed) });
      }
    }
  }
  return survey;
}
