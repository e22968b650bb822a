import packageJson from '../package.json' with { type: 'json' };
import { DatabaseUnavailable } from './database/database-unavailable.ts';
import { StorageUnavailable } from './grants/storage.ts';
import { securityHeaders } from './http/security-headers.ts';
import { ClockWatch, type RemoteClock } from './http/transport/clock-skew.ts';
import { createManagement } from './http/transport/management.ts';
import { type CheckResult, NotReady, Readiness } from './http/transport/readiness.ts';
import { type RunningServer, startServer } from './http/transport/server.ts';
import { exposeMetrics } from './observability/metrics-exposition.ts';
import { type MetricsSnapshot, mergeSnapshots, type Sample } from './observability/metrics-snapshot.ts';
import { RedisUnavailable } from './redis/redis.ts';
import type { Rooms } from './rooms.ts';
import { listenProblem } from './start-problems.ts';

/** What the management port is told of those who serve. */
export interface Serving {
  /** Whether the public port is served. */
  isServing(): boolean;
  /** Why the process should be started anew, or undefined. */
  health(): string | undefined;
  /** What those who serve have counted. */
  metrics(): MetricsSnapshot;
}

function remoteClocks({ redis, database }: Rooms): RemoteClock[] {
  const clocks: RemoteClock[] = [];
  if (redis !== undefined) {
    clocks.push(async () => {
      const [seconds, microseconds] = (await redis.roundTrip((client) => client.time())).map(Number);
      return (seconds ?? 0) * 1000 + (microseconds ?? 0) / 1000;
    });
  }
  if (database.kind === 'postgres') clocks.push(() => database.now());
  return clocks;
}

async function checkKeys({ keys, configuration }: Rooms): Promise<void> {
  const active = new Set(
    (await keys.list()).filter(({ state }) => state === 'active').map(({ algorithm }) => algorithm),
  );
  const missing = configuration.keys.algorithms.filter((algorithm) => !active.has(algorithm));
  if (missing.length > 0) throw new NotReady(`there is no active key for ${missing.join(', ')}`);
}

async function keyAges({ keys, database }: Rooms): Promise<Sample[]> {
  const ages = new Map<string, Sample>();
  for (const { algorithm, state, createdAt, activatedAt, retiredAt } of await keys.list()) {
    if (state === 'withdrawn') continue;
    const since = { announced: createdAt, active: activatedAt, retired: retiredAt }[state] ?? createdAt;
    const value = (database.now() - since) / 1000;
    const name = 'latchkey_signing_key_age_seconds';
    const younger = ages.get(`${algorithm} ${state}`);
    if (younger === undefined || value < younger.value) {
      ages.set(`${algorithm} ${state}`, { name, labels: [algorithm, state], value });
    }
  }
  return [...ages.values()];
}

async function noticeCounts({ notifications }: Rooms): Promise<Sample[]> {
  const counts = await notifications.count();
  return Object.entries(counts).map(([state, value]) => {
    return { name: 'latchkey_notifications', labels: [state], value };
  });
}

const readinessSamples = (checks: CheckResult[]): Sample[] =>
  checks.map(({ name, problem }) => ({
    name: 'latchkey_ready',
    labels: [name],
    value: problem === undefined ? 1 : 0,
  }));

/**
 * Listens on the management port, which says ready while the public port is served and all that it needs is there.
 * @throws {ConfigurationError} when the port cannot be listened on
 */
export async function listenForManagement(rooms: Rooms, serving: Serving): Promise<RunningServer> {
  const { configuration, log, grants, database, redis } = rooms;
  const { managementHost: host, managementPort: port } = configuration;
  const headers = securityHeaders(configuration.issuer);
  const clock = new ClockWatch(remoteClocks(rooms));
  const readiness = new Readiness({
    checks: {
      serving: () => {
        if (!serving.isServing()) throw new NotReady('the public port is not served');
      },
      database: () => database.check(),
      grants: () => grants.check(),
      ...(redis === undefined ? {} : { redis: () => redis.check() }),
      keys: () => checkKeys(rooms),
      clock: () => clock.check(),
    },
    isTellable: (error) =>
      error instanceof RedisUnavailable ||
      error instanceof DatabaseUnavailable ||
      error instanceof StorageUnavailable,
    log,
  });

  async function metrics(): Promise<{ type: string; body: string }> {
    const checks = await readiness.judge();
    // A store in trouble must not take the metrics with it that tell of it.
    const [ages, notices] = await Promise.all([
      keyAges(rooms).catch(() => []),
      noticeCounts(rooms).catch(() => []),
    ]);
    const build = {
      name: 'latchkey_build_info',
      labels: [packageJson.version, process.version],
      value: 1,
    } as const;
    const own: Sample[] = [
      ...readinessSamples(checks),
      ...ages,
      ...notices,
      { name: 'latchkey_clock_skew_seconds', labels: [], value: clock.skew },
      { ...build, labels: [...build.labels] },
    ];
    return exposeMetrics(mergeSnapshots([serving.metrics(), { samples: own, histograms: [] }]));
  }

  const handle = createManagement(headers, {
    health: serving.health,
    ready: () => readiness.judge(),
    metrics,
  });
  try {
    return await startServer({ host, port, handle, headers, log });
  } catch (error) {
    throw listenProblem(error, { prefix: 'management_', host, port });
  }
}
