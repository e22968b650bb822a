import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Compilable, Kysely } from 'kysely';
import { compileOnce, isReading, type PreparedQuery, type Preparer } from '../prepared-query.ts';
import type { DatabaseSchema } from '../schema.ts';
import { answered, isBusy } from './sqlite-dialect.ts';

/**
 * On the connection that `query` uses: at once, past Kysely's queue, where nobody is in between. That is a reading while no transaction is
 * open, and whatever is part of a transaction that `isOpen`. Everything else takes its turn: a write by itself too, as it is to wait for the
 * disk (sqlite-dialect.ts).
 */
export function preparerIn(
  connection: DatabaseSync,
  query: Kysely<DatabaseSchema>,
  isOpen: (transaction: Kysely<DatabaseSchema>) => boolean,
): Preparer {
  return <Given extends object, Row>(
    compose: (query: Kysely<DatabaseSchema>, given: Given) => Compilable<Row>,
  ): PreparedQuery<Given, Row> => {
    const fill = compileOnce<Given, Row>(query, compose);
    let statement: StatementSync | undefined;
    return (given, transaction) => {
      const compiled = fill(given);
      const isAlone =
        transaction === undefined ? isReading(compiled) && !connection.isTransaction : isOpen(transaction);
      const inTurn = () => (transaction ?? query).executeQuery(compiled).then(({ rows }) => rows);
      if (!isAlone) return inTurn();
      try {
        return answered(() => {
          statement ??= connection.prepare(compiled.sql);
          return statement.all(...(compiled.parameters as SQLInputValue[])) as Row[];
        });
      } catch (error) {
        // While another process recovers the log of one that was killed, nobody can read: Kysely's turn is patient.
        if (isBusy((error as Error).cause)) return inTurn();
        throw error;
      }
    };
  };
}
