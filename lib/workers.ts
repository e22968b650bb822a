import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Configuration } from '../config/configuration.ts';
import { listenForManagement } from './listen-for-management.ts';
import type { Log } from './observability/log.ts';
import { openRooms } from './rooms.ts';

/** How long (ms) before a worker that ended by itself is started again. */
const RESTART_MILLISECONDS = 1000;
/** How long (ms) a worker may take to stop: more than its requests in flight are given. */
const STOP_MILLISECONDS = 45_000;

const livingWorkers = (): Worker[] =>
  Object.values(cluster.workers ?? {}).filter(
    (worker) => worker !== undefined && !worker.isDead(),
  ) as Worker[];

async function stopWorkers(): Promise<void> {
  const signal = (name: NodeJS.Signals): void => {
    for (const worker of livingWorkers()) worker.process.kill(name);
  };
  signal('SIGTERM');
  const deadline = setTimeout(() => signal('SIGKILL'), STOP_MILLISECONDS);
  while (livingWorkers().length > 0) await once(cluster, 'exit');
  clearTimeout(deadline);
}

/** Starts one worker: the port that it listens on, or the exit code with which it ended before. */
async function startFirstWorker(stop: Promise<void>): Promise<{ port: number } | { exitCode: number }> {
  const worker = cluster.fork();
  return Promise.race([
    once(worker, 'listening').then(([address]) => ({ port: (address as AddressInfo).port })),
    // Ended by a signal, it has no code of its own.
    once(worker, 'exit').then(([code]) => ({ exitCode: Number(code) || 1 })),
    stop.then(() => ({ exitCode: 0 })),
  ]);
}

/**
 * The primary of `count` workers: starts them, starts again what ends by itself, and stops them together when `stop`
 * settles. The first one starts alone: what keeps it from listening would keep all of them, so it is said once, and
 * its exit code is the answer. Workers end by themselves when the primary is gone (node:cluster sees to that).
 */
export async function superviseWorkers(
  configuration: Configuration,
  log: Log,
  { count, stop, ready }: { count: number; stop: Promise<void>; ready: (port: number) => void },
): Promise<number> {
  await using running = new AsyncDisposableStack();
  // The data directory, its secrets and the schema are made once, before there is anybody to race with.
  const rooms = await openRooms(configuration, log);
  running.defer(() => rooms.close());
  let serving = false;
  const management = await listenForManagement(rooms, () => serving);
  running.defer(() => management.stop());
  running.defer(stopWorkers);
  const first = await startFirstWorker(stop);
  if ('exitCode' in first) return first.exitCode;
  const restarts = new Set<NodeJS.Timeout>();
  cluster.on('exit', (worker, code, signal) => {
    if (!serving) return;
    log.error({ worker: worker.process.pid, code, signal }, 'a worker ended by itself and is started again');
    const restart = setTimeout(() => {
      restarts.delete(restart);
      cluster.fork();
    }, RESTART_MILLISECONDS);
    restarts.add(restart);
  });
  serving = true;
  for (let started = 1; started < count; started += 1) cluster.fork();
  log.info({ workers: count, port: first.port, managementPort: management.port }, 'workers are started');
  ready(first.port);
  await stop;
  serving = false;
  for (const restart of restarts) clearTimeout(restart);
  return 0;
}
