import { createManagement } from './http/management.ts';
import { securityHeaders } from './http/security-headers.ts';
import { type RunningServer, startServer } from './http/server.ts';
import type { Rooms } from './rooms.ts';
import { listenProblem } from './start-problems.ts';

/**
 * Listens on the management port, which says ready while `serving` does and the stores answer.
 * @throws {ConfigurationError} when the port cannot be listened on
 */
export async function listenForManagement(
  { configuration, grants, log }: Pick<Rooms, 'configuration' | 'grants' | 'log'>,
  serving: () => boolean,
): Promise<RunningServer> {
  const { managementHost: host, managementPort: port } = configuration;
  const headers = securityHeaders(configuration.issuer);
  const handle = createManagement(headers, async () => {
    if (!serving()) throw new Error('the public port is not served');
    await grants.check();
  });
  try {
    return await startServer({ host, port, handle, headers, log });
  } catch (error) {
    throw listenProblem(error, { prefix: 'management_', host, port });
  }
}
