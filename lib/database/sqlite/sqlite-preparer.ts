import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Compilable, Kysely } from 'kysely';
import { compileOnce, type PreparedQuery, type Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';
import { answered } from './sqlite-dialect.ts';

/** On the connection that `query` uses. Between the statements of somebody's transaction it waits for the end of it, as `query` does. */
export function preparerIn(connection: DatabaseSync, query: Kysely<DatabaseSchema>): Preparer {
  return <Given extends object, Row>(
    compose: (query: Kysely<DatabaseSchema>, given: Given) => Compilable<Row>,
  ): PreparedQuery<Given, Row> => {
    const fill = compileOnce(query, compose);
    let statement: StatementSync | undefined;
    return (given, transaction) => {
      const compiled = fill(given);
      if (transaction === undefined && connection.isTransaction)
        return query.executeQuery(compiled).then(({ rows }) => rows);
      return answered(() => {
        statement ??= connection.prepare(compiled.sql);
        return statement.all(...(compiled.parameters as SQLInputValue[])) as Row[];
      });
    };
  };
}
