import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Configuration } from '../../config/configuration.ts';
import type { RedisAddress } from '../../config/redis-url.ts';
import { watchFailover } from './failover-watch.ts';
import { ignoreLateSocketErrors } from './late-socket-errors.ts';
import { reconnectionPause } from './reconnection-pause.ts';

/** A Cluster re-sends up to `maxRedirections` times at these intervals (ms): together less than a second. */
const CLUSTER_RETRY_MILLISECONDS = 50;
const CLUSTER_REDIRECTIONS = 12;
/** How often (ms) the map of a Cluster is read again; a redirection does so at once. */
const CLUSTER_MAP_MILLISECONDS = 10_000;

/** The shortest pause (ms) before a Sentinel that is down is listened to again. */
const SENTINEL_PAUSE_MILLISECONDS = 1000;

type RedisSettings = Configuration['redis'];

function tlsOptions({ caFile, certFile, keyFile }: RedisSettings): ConnectionOptions {
  return {
    minVersion: 'TLSv1.2',
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}

/**
 * Makes an ioredis client that connects when told to. Nothing waits for a connection (no offline queue), and nothing is sent again
 * by itself, but in a Cluster, which must follow its slots. A connection on which an answer is overdue is closed, which fails
 * all that waits on it, and replaced: that is how a hung server is noticed once and not by each request.
 */
export function createRedisClient(
  address: RedisAddress,
  settings: RedisSettings,
): { client: Redis | Cluster; stopWatching?: () => void } {
  const { topology, hosts, username, password, database } = address;
  const timeout = settings.commandTimeout;
  const tls = address.tls ? tlsOptions(settings) : undefined;
  const options = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    connectionName: 'latchkey',
    disableClientInfo: true,
    connectTimeout: timeout,
    socketTimeout: timeout,
    disconnectTimeout: 200,
    maxLoadingRetryTime: 500,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover the former master answers so: whoever is master now is found by connecting again.
    reconnectOnError: (error: Error) => /^(?:READONLY|NOAUTH)\b/.test(error.message),
  } satisfies RedisOptions;

  if (topology === 'cluster') {
    const client = new Cluster([...hosts], {
      redisOptions: options,
      lazyConnect: true,
      enableOfflineQueue: false,
      // Names stay names: TLS certificates are for them.
      dnsLookup: (host, callback) => callback(null, host),
      clusterRetryStrategy: reconnectionPause,
      maxRedirections: CLUSTER_REDIRECTIONS,
      retryDelayOnFailover: CLUSTER_RETRY_MILLISECONDS,
      retryDelayOnTryAgain: CLUSTER_RETRY_MILLISECONDS,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: timeout,
      slotsRefreshInterval: CLUSTER_MAP_MILLISECONDS,
    });
    ignoreLateSocketErrors(client);
    return { client };
  }
  const single = { ...options, db: database, enableOfflineQueue: false, retryStrategy: reconnectionPause };
  if (topology === 'standalone') {
    const client = new Redis({ ...single, ...hosts[0] });
    ignoreLateSocketErrors(client);
    return { client };
  }
  const { sentinelUsername, sentinelPassword } = settings;
  const masterName = address.masterName ?? '';
  const client = new Redis({
    ...single,
    sentinels: [...hosts],
    name: masterName,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tls }),
    sentinelCommandTimeout: timeout,
    sentinelRetryStrategy: reconnectionPause,
  });
  ignoreLateSocketErrors(client);
  const toSentinel = {
    ...(sentinelUsername === undefined ? {} : { username: sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
    ...(tls === undefined ? {} : { tls }),
    connectTimeout: timeout,
    disconnectTimeout: 200,
    retryStrategy: (times: number) => SENTINEL_PAUSE_MILLISECONDS + reconnectionPause(times),
  };
  const stopWatching = watchFailover(hosts, masterName, toSentinel, () => {
    // While it connects it is asking the Sentinels anyway.
    if (client.status === 'ready') client.disconnect(true);
  });
  return { client, stopWatching };
}
