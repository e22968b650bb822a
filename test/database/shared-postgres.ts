import { PostgresServer } from './postgres-server.ts';

let starting: Promise<PostgresServer> | undefined;

/** One server for all suites of this run that only need a database of their own; it ends with the run. */
export function sharedPostgres(): Promise<PostgresServer> {
  starting ??= PostgresServer.start();
  return starting;
}

after(async () => {
  await (await starting)?.remove();
});
