import { PostgresServer } from './postgres-server.ts';

let starting: Promise<PostgresServer> | undefined;

/**
 * One server for all suites of this process that only need a database of their own. It ends with the run; where the run is shared
 * out to several processes, each of which runs many files, with the process (test/redis/process-guardian.ts).
 */
export function sharedPostgres(): Promise<PostgresServer> {
  starting ??= PostgresServer.start();
  return starting;
}

if (process.env.MOCHA_WORKER_ID === undefined) {
  after(async () => {
    await (await starting)?.remove();
  });
}
