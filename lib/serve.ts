import cluster from 'node:cluster';
import module from 'node:module';
import { availableParallelism } from 'node:os';
import type { Configuration } from '../config/configuration.ts';
import { announcement } from './announcement.ts';
import { createLog } from './observability/log.ts';
import { Metrics } from './observability/metrics.ts';
import { unwaitingWrite } from './observability/unwaiting-write.ts';
import { returnMemoryWhenQuiet } from './processes/quiet-memory.ts';
import { isWorkerOfOurs, joinPrimary } from './processes/worker-link.ts';
import type { Rooms } from './rooms.ts';
import type { Ending } from './serve-here.ts';
import { listenForSignals } from './signals.ts';
import { endAtUncaughtErrors } from './uncaught-errors.ts';

/** How long (ms) after the start what was compiled is written down: not in the way of the first requests. */
const WRITE_COMPILED_MILLISECONDS = 1000;

/** A courtesy: where nobody reads it, or there is no room for it, it is not told. */
function announce(text: string): void {
  try {
    unwaitingWrite(2)(Buffer.from(text));
  } catch {
    // A full disk, a closed terminal, a reader that has gone or reads no more.
  }
}

/**
 * Serves until SIGTERM or SIGINT, in as many processes as configured, and answers the exit code when everything is
 * closed. The primary of several never loads what serves, the protocol engine and the pages above all. Unless it is `quiet`, it says on standard error where it listens. `read` reads the configuration anew, for a
 * rolling restart. An error that nobody catches ends the process.
 * @throws {ConfigurationError} when the start fails for what is configured
 */
export async function serve(
  configuration: Configuration,
  { quiet, read }: { quiet: boolean; read: () => Configuration },
): Promise<number> {
  let rooms: Rooms | undefined;
  const log = createLog(configuration.log.level, undefined, () => rooms?.grants.currentRequest()?.id);
  endAtUncaughtErrors(log);
  // What it says there is a courtesy: a terminal that was closed, or a full disk, is no reason to end.
  process.stderr.on('error', () => {});
  const { stop, onReload } = listenForSignals();
  const count = configuration.workers === 'auto' ? availableParallelism() : configuration.workers;
  const ready = (port: number): void => {
    if (!quiet && !isWorkerOfOurs) announce(announcement(configuration, port));
    // For the next start, also when this process is killed; and Node lets go of its copy of what it has read (4 MiB).
    setTimeout(module.flushCompileCache, WRITE_COMPILED_MILLISECONDS).unref();
    returnMemoryWhenQuiet();
  };
  if (count > 1 && cluster.isPrimary) {
    const { serveByWorkers } = await import('./workers.ts');
    return serveByWorkers(configuration, log, { count, stop, onReload, ready, read });
  }
  if (count > 1 && !isWorkerOfOurs) {
    log.warn(
      'workers is not followed: this process is a worker of another program, which says how many there are',
    );
  }
  const { serveHere } = await import('./serve-here.ts');
  const metrics = new Metrics();
  const { promise: retirement, resolve: retire } = Promise.withResolvers<Ending>();
  const link = isWorkerOfOurs
    ? joinPrimary({ metrics: () => metrics.snapshot(), onRetire: () => retire('retire') })
    : undefined;
  const ending = Promise.race([stop.then((): Ending => 'stop'), retirement]);
  const opened = (open: Rooms): void => {
    rooms = open;
  };
  try {
    await serveHere(configuration, log, { metrics, ending, onReload, opened, ready });
  } finally {
    link?.leave();
    // The channel to a primary would keep alive a worker that is done.
    cluster.worker?.disconnect();
  }
  return 0;
}
