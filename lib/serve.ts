import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { Configuration } from '../config/configuration.ts';
import { createPasswordSignIn } from './authentication/password-sign-in.ts';
import { createApp } from './http/app.ts';
import { createManagement } from './http/management.ts';
import { securityHeaders } from './http/security-headers.ts';
import { startServer } from './http/server.ts';
import { createLog, type Log } from './observability/log.ts';
import { openRooms } from './rooms.ts';

/** How long (ms) before a worker that ended by itself is started again. */
const RESTART_MILLISECONDS = 1000;

function announce(configuration: Configuration, port: number): void {
  const { issuer, host } = configuration;
  process.stderr.write(
    [
      '',
      `  Latchkey is ready: ${issuer}  (listening on ${host}:${port})`,
      `  Discovery:         ${issuer}/.well-known/openid-configuration`,
      `  Data:              ${configuration.dataDir}`,
      '',
      '  Create the first person:       npm run -s latchkey -- users create --email you@example.com --password-stdin',
      '  Register the first application: npm run -s latchkey -- clients create --help',
      '',
      '',
    ].join('\n'),
  );
}

async function stopOnSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    // A worker whose primary is gone has nobody left to be stopped by.
    process.once('disconnect', () => resolve());
  });
}

async function serveHere(configuration: Configuration, log: Log): Promise<void> {
  const rooms = await openRooms(configuration, log);
  const headers = securityHeaders(configuration.issuer);
  const app = await createApp({
    ...rooms,
    sealer: rooms.database.sealer,
    signIn: createPasswordSignIn({ ...rooms, configuration }),
  });
  const { host, port, tls } = configuration;
  const { certFile, keyFile } = tls;
  const server = await startServer({
    host,
    port,
    ...(certFile !== undefined && keyFile !== undefined ? { tls: { certFile, keyFile } } : {}),
    handle: app.handle,
    headers,
    log,
  });
  const management = cluster.isWorker
    ? undefined
    : await startServer({
        host: configuration.managementHost,
        port: configuration.managementPort,
        handle: createManagement(headers, () => rooms.grants.check()),
        headers,
        log,
      });
  rooms.keys.start();
  rooms.grants.startSweeping();
  log.info({ issuer: configuration.issuer, port: server.port, managementPort: management?.port }, 'listening');
  if (!cluster.isWorker) announce(configuration, server.port);
  await stopOnSignal();
  log.info('stopping');
  await server.stop();
  await management?.stop();
  app.close();
  await rooms.close();
}

/** The primary of several workers: starts them, starts again what ends by itself, and stops them together. */
async function superviseWorkers(configuration: Configuration, log: Log, count: number): Promise<void> {
  // The data directory, its secrets and the schema are made once, before there is anybody to race with.
  const rooms = await openRooms(configuration, log);
  const headers = securityHeaders(configuration.issuer);
  const management = await startServer({
    host: configuration.managementHost,
    port: configuration.managementPort,
    handle: createManagement(headers, () => rooms.grants.check()),
    headers,
    log,
  });
  let stopping = false;
  let announced = false;
  cluster.on('exit', (worker, code, signal) => {
    if (stopping) return;
    log.error({ worker: worker.process.pid, code, signal }, 'a worker ended by itself and is started again');
    setTimeout(() => stopping || cluster.fork(), RESTART_MILLISECONDS);
  });
  cluster.on('listening', (_worker, address) => {
    if (!announced) announce(configuration, address.port);
    announced = true;
  });
  for (let started = 0; started < count; started += 1) cluster.fork();
  await stopOnSignal();
  stopping = true;
  const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
  const ended = workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve)));
  for (const worker of workers) worker.process.kill('SIGTERM');
  await Promise.all(ended);
  await management.stop();
  await rooms.close();
}

/** Serves until SIGTERM or SIGINT, in as many processes as configured; resolves when everything is closed. */
export async function serve(configuration: Configuration): Promise<void> {
  const log = createLog(configuration.log.level);
  const count = configuration.workers === 'auto' ? availableParallelism() : configuration.workers;
  if (count > 1 && cluster.isPrimary) await superviseWorkers(configuration, log, count);
  else await serveHere(configuration, log);
}
