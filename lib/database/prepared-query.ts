import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

/** A value that may be there at once: what is remembered, or read from the embedded file. */
export type MaybePromise<Value> = Value | Promise<Value>;

/**
 * A query that is put together once and asked with other values each time: its rows, from the embedded file at once unless this process is in the
 * middle of a transaction there, from PostgreSQL in a round trip. With a transaction it is a part of it; in the middle of one, asked without it, it would
 * wait for what waits for it. What writes answers no rows. Throws, or rejects with, DatabaseUnavailable.
 */
export type PreparedQuery<Given, Row> = (
  given: Given,
  transaction?: Kysely<DatabaseSchema>,
) => MaybePromise<Row[]>;

/**
 * Puts a query together, of which `given` are the values that are not known yet. Each is to be handed on as it is, to be compared by equality or
 * order, or written; what the query is like cannot depend on them.
 */
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

/** Answers a blank for each name, and notes the names. */
function blanksFor<Given extends object>(names: Set<string>): Given {
  const refuse = (): never => {
    throw new TypeError('which values a query is given is not known while it is put together: name them');
  };
  return new Proxy({} as Given, {
    get: (_, name) => {
      names.add(String(name));
      return new Blank(String(name));
    },
    has: refuse,
    ownKeys: refuse,
    getOwnPropertyDescriptor: refuse,
  });
}

/**
 * Answers the query with these values in it. Put together at the first call: most are never asked for by a command.
 * Throws a TypeError that names a value which is used otherwise than a Preparer says, as far as that shows.
 */
export function compileOnce<Given extends object, Row>(
  query: Kysely<DatabaseSchema>,
  compose: (query: Kysely<DatabaseSchema>, given: Given) => Compilable<Row>,
): (given: Given) => CompiledQuery<Row> {
  const compile = (): CompiledQuery<Row> => {
    const names = new Set<string>();
    const whole = compose(query, blanksFor<Given>(names)).compile();
    for (const value of whole.parameters) if (value instanceof Blank) names.delete(value.name);
    const [unused] = names;
    if (unused === undefined) return whole;
    throw new TypeError(`${unused} is asked for while the query is put together, and is no part of it`);
  };
  let compiled: CompiledQuery<Row> | undefined;
  return (given) => {
    compiled ??= compile();
    const parameters = compiled.parameters.map((value) =>
      value instanceof Blank ? Reflect.get(given, value.name) : value,
    );
    return { ...compiled, parameters };
  };
}

/** Whether it changes nothing, for certain. */
export const isReading = ({ query, sql }: CompiledQuery): boolean =>
  query.kind === 'SelectQueryNode' || /^select\b/i.test(sql);

/** Whether any store can hold this text: PostgreSQL has no NUL, and refuses to be asked for one. */
export function isStorable(text: string): boolean {
  return !text.includes('\0');
}
