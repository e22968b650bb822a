import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** Prepares each of `sql` under its name. Throws when the schema is not the one that it was written for. */
export function prepareAll<Name extends string>(
  connection: DatabaseSync,
  sql: Readonly<Record<Name, string>>,
): Record<Name, StatementSync> {
  return Object.fromEntries(
    Object.entries<string>(sql).map(([name, text]) => [name, connection.prepare(text)]),
  ) as Record<Name, StatementSync>;
}
