import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

/** A value that may be there at once: what is remembered, or read from the embedded file. */
export type MaybePromise<Value> = Value | Promise<Value>;

/**
 * A query that is put together once and asked with other values each time: its rows, at once from the embedded file, in a round
 * trip from PostgreSQL. With a transaction it is a part of it. Throws, or rejects with, DatabaseUnavailable.
 */
export type PreparedQuery<Given, Row> = (
  given: Given,
  transaction?: Kysely<DatabaseSchema>,
) => MaybePromise<Row[]>;

/** Puts a query together, of which `given` are the values that are not known yet: they can be handed on as they are, and nothing else. */
export type Preparer = <Given extends object, Row>(
  compose: (query: Kysely<DatabaseSchema>, given: Given) => Compilable<Row>,
) => PreparedQuery<Given, Row>;

/** Stands in a query for a value that is given later. */
class Blank {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  [Symbol.toPrimitive](): never {
    throw new TypeError(`${this.name} is not known while the query is put together`);
  }
}

/** Answers the query with these values in it. Put together at the first call: most are never asked for by a command. */
export function compileOnce<Given extends object, Row>(
  query: Kysely<DatabaseSchema>,
  compose: (query: Kysely<DatabaseSchema>, given: Given) => Compilable<Row>,
): (given: Given) => CompiledQuery<Row> {
  const blanks = new Proxy({}, { get: (_, name) => new Blank(String(name)) }) as Given;
  let compiled: CompiledQuery<Row> | undefined;
  return (given) => {
    compiled ??= compose(query, blanks).compile();
    const parameters = compiled.parameters.map((value) =>
      value instanceof Blank ? Reflect.get(given, value.name) : value,
    );
    return { ...compiled, parameters };
  };
}

/** Whether any store can hold this text: PostgreSQL has no NUL, and refuses to be asked for one. */
export function isStorable(text: string): boolean {
  return !text.includes('\0');
}
