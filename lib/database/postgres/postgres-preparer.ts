import type { Kysely } from 'kysely';
import { compileOnce, isReading, isStorable, type Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';

/** Over PostgreSQL. No row has what could not be stored. */
export function preparerOver(query: Kysely<DatabaseSchema>): Preparer {
  return (compose) => {
    const fill = compileOnce(query, compose);
    return async (given, transaction = query) => {
      const compiled = fill(given);
      const isUnstorable = compiled.parameters.some(
        (value) => typeof value === 'string' && !isStorable(value),
      );
      if (isReading(compiled) && isUnstorable) return [];
      return (await transaction.executeQuery(compiled)).rows;
    };
  };
}
