import type { Kysely } from 'kysely';
import { compileOnce, isStorable, type Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';

/** Over PostgreSQL. No row has what could not be stored. */
export function preparerOver(query: Kysely<DatabaseSchema>): Preparer {
  return (compose) => {
    const fill = compileOnce(query, compose);
    return async (given, transaction = query) => {
      const compiled = fill(given);
      const isReading = compiled.query.kind === 'SelectQueryNode';
      if (isReading && !compiled.parameters.every((value) => isStorable(String(value)))) return [];
      return (await transaction.executeQuery(compiled)).rows;
    };
  };
}
