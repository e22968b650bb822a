import { findProgram } from './find-program.ts';

/** What a test says when there is none. */
export const installRedisServer = 'sudo apt-get install --yes redis-server';

/** The `redis-server` that the tests start for themselves. */
export function findRedisServer(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  return findProgram(['redis-server'], environment);
}
