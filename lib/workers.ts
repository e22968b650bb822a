import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { listenForManagement } from './listen-for-management.ts';
import { nameUnusableRegistrations } from './name-unusable-registrations.ts';
import { watchClockJumps } from './observability/clock-jumps.ts';
import type { Log } from './observability/log.ts';
import { Metrics } from './observability/metrics.ts';
import { inProcess, mergeSnapshots } from './observability/metrics-snapshot.ts';
import { Supervisor } from './processes/supervisor.ts';
import { openRooms } from './rooms.ts';

/** What no worker answered for so long (ms) a supervisor of the whole should start anew: longer than a start may take. */
const LOST_MILLISECONDS = 90_000;

/** Settings that the primary holds itself, or that all workers must agree on: changed ones count from the next start. */
const FIXED_SETTINGS = [
  'issuer',
  'host',
  'port',
  'managementHost',
  'managementPort',
  'dataDir',
  'databaseUrl',
  'redisUrl',
  'encryptionKey',
  'workers',
] as const satisfies ReadonlyArray<keyof Configuration>;

/** What new workers are to serve by; or why a rolling restart would not do what its operator wants. */
function reread(
  configuration: Configuration,
  read: () => Configuration,
): { changed: Configuration } | { reason: string } {
  try {
    const changed = read();
    const fixed = FIXED_SETTINGS.filter(
      (name) => JSON.stringify(changed[name]) !== JSON.stringify(configuration[name]),
    );
    return fixed.length === 0
      ? { changed }
      : { reason: `changed settings need a stop and a start: ${fixed.join(', ')}` };
  } catch (error) {
    if (error instanceof ConfigurationError) return { reason: error.message };
    throw error;
  }
}

/**
 * The primary of `count` workers. It opens the rooms before there is anybody to race with (the data directory, its secrets and the
 * schema are made once), answers on the management port for all, and rolls the workers over at each reload.
 */
export async function serveByWorkers(
  configuration: Configuration,
  log: Log,
  options: {
    count: number;
    stop: Promise<unknown>;
    onReload: (reload: () => void) => void;
    ready: (port: number) => void;
    /** Reads the configuration anew. */
    read: () => Configuration;
  },
): Promise<number> {
  const { count, stop, onReload, ready, read } = options;
  await using running = new AsyncDisposableStack();
  const metrics = new Metrics();
  const rooms = await openRooms(configuration, log, { metrics });
  running.defer(() => rooms.close());
  running.defer(watchClockJumps(log));
  const supervisor = new Supervisor({ count, log, configuration });
  let isServing = false;
  const management = await listenForManagement(rooms, {
    isServing: () => isServing && supervisor.listening > 0,
    health: () =>
      isServing && performance.now() - supervisor.heardAt > LOST_MILLISECONDS
        ? 'no worker has answered for long'
        : undefined,
    metrics: () => mergeSnapshots([supervisor.metrics(), inProcess('primary', metrics.snapshot())]),
  });
  running.defer(() => management.stop());
  running.defer(() => supervisor.stop());
  const named = nameUnusableRegistrations(rooms);
  running.defer(() => named);
  const first = await supervisor.start(stop);
  if ('exitCode' in first) return first.exitCode;
  isServing = true;
  log.info({ workers: count, port: first.port, managementPort: management.port }, 'workers are started');
  ready(first.port);

  async function roll(): Promise<void> {
    const next = reread(configuration, read);
    if ('reason' in next) {
      log.error(next, 'no rolling restart: the workers that there are stay');
      return;
    }
    log.info('rolling restart');
    const { outcome } = await supervisor.roll(next.changed);
    if (outcome === 'rolled') log.info('rolling restart done');
  }
  // One at a time, and what is asked for meanwhile is done once more: the configuration may have changed since.
  let rolling = Promise.resolve();
  onReload(() => {
    rolling = rolling
      .then(roll)
      .catch((err: unknown) => log.error({ err }, 'no rolling restart: the workers that there are stay'));
  });
  await stop;
  isServing = false;
  return 0;
}
