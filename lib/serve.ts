import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { Configuration } from '../config/configuration.ts';
import { createPasswordSignIn } from './authentication/password-sign-in.ts';
import { createApp } from './http/app.ts';
import { securityHeaders } from './http/security-headers.ts';
import { type RunningServer, startServer } from './http/server.ts';
import { listenForManagement } from './listen-for-management.ts';
import { createLog, type Log } from './observability/log.ts';
import { openRooms } from './rooms.ts';
import { listenProblem, viewsProblem } from './start-problems.ts';
import { superviseWorkers } from './workers.ts';

function announce(configuration: Configuration, port: number): void {
  const { issuer, host } = configuration;
  process.stderr.write(
    [
      '',
      `  Latchkey is ready: ${issuer}  (listening on ${host}:${port})`,
      `  Discovery:         ${issuer}/.well-known/openid-configuration`,
      `  Data:              ${configuration.dataDir}`,
      '',
      '  Create the first person:        npm run -s latchkey -- users create --email you@example.com --password-stdin',
      '  Register the first application: npm run -s latchkey -- clients create --help',
      '',
      '',
    ].join('\n'),
  );
}

async function listen(
  configuration: Configuration,
  options: Pick<Parameters<typeof startServer>[0], 'handle' | 'headers' | 'log'>,
): Promise<RunningServer> {
  const { host, port, tls } = configuration;
  const { certFile, keyFile } = tls;
  try {
    return await startServer({
      ...options,
      host,
      port,
      ...(certFile !== undefined && keyFile !== undefined ? { tls: { certFile, keyFile } } : {}),
    });
  } catch (error) {
    throw listenProblem(error, { prefix: '', host, port });
  }
}

/** Serves in this process until `stop` settles. What was opened is closed top-down, also when the start fails. */
async function serveHere(
  configuration: Configuration,
  log: Log,
  { stop, ready }: { stop: Promise<void>; ready: (port: number) => void },
): Promise<void> {
  await using running = new AsyncDisposableStack();
  const rooms = await openRooms(configuration, log);
  running.defer(() => rooms.close());
  const app = await createApp({
    ...rooms,
    sealer: rooms.database.sealer,
    signIn: createPasswordSignIn({ ...rooms, configuration }),
  }).catch((error: unknown) => {
    throw viewsProblem(error, configuration);
  });
  running.defer(() => app.close());
  let serving = false;
  let managementPort: number | undefined;
  // Workers leave it to their primary.
  if (!cluster.isWorker) {
    const management = await listenForManagement(rooms, () => serving);
    running.defer(() => management.stop());
    managementPort = management.port;
  }
  const headers = securityHeaders(configuration.issuer);
  const server = await listen(configuration, { handle: app.handle, headers, log });
  running.defer(() => server.stop());
  rooms.keys.start();
  rooms.grants.startSweeping();
  serving = true;
  log.info({ issuer: configuration.issuer, port: server.port, managementPort }, 'listening');
  ready(server.port);
  await stop;
  serving = false;
  log.info('stopping');
}

/**
 * Serves until SIGTERM or SIGINT, in as many processes as configured, and answers the exit code when everything is
 * closed. A second signal ends the process at once. Unless it is `quiet`, it says on standard error where it listens.
 * @throws {ConfigurationError} when the start fails for what is configured
 */
export async function serve(configuration: Configuration, { quiet }: { quiet: boolean }): Promise<number> {
  const log = createLog(configuration.log.level);
  const count = configuration.workers === 'auto' ? availableParallelism() : configuration.workers;
  const stop = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
  const ready = (port: number): void => {
    if (!quiet && !cluster.isWorker) announce(configuration, port);
  };
  if (count > 1 && cluster.isPrimary) return superviseWorkers(configuration, log, { count, stop, ready });
  // Without its primary a worker has nobody to be handed connections by, nor to be stopped by: node:cluster ends it when
  // it notices, and this when it was about to say something.
  cluster.worker?.once('error', () => process.exit(1));
  try {
    await serveHere(configuration, log, { stop, ready });
  } finally {
    // The channel to the primary would keep a worker that is done alive.
    cluster.worker?.disconnect();
  }
  return 0;
}
