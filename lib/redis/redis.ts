/**
 * The connection to Redis: where it is (one server, Sentinel, Cluster), who we are there (TLS, ACL user), what every key begins with,
 * whether the server can be relied on, and what its errors mean. It refuses a server that evicts, a replica, a version too
 * old, and it never lets a request wait for a server that hangs: docs/decisions/0011-redis-connection.md. What is kept there belongs
 * to the rooms above.
 */
import type { Configuration } from '../../config/configuration.ts';
import { parseRedisUrl } from '../../config/redis-url.ts';
import type { Log } from '../observability/log.ts';
import { Connection, type RedisConnection } from './redis-connection.ts';
import { RedisUnavailable } from './redis-unavailable.ts';

export type { RedisConnection } from './redis-connection.ts';
export { type RedisScript, redisScript } from './redis-script.ts';
export { RedisUnavailable } from './redis-unavailable.ts';

/** The issuer's host makes the keys of several installations at one server differ, and readable for whoever looks. */
function prefixOf(keyPrefix: string | undefined, issuer: string): string {
  const prefix = keyPrefix ?? `latchkey:${new URL(issuer).host}`;
  return prefix.endsWith(':') ? prefix : `${prefix}:`;
}

/** A server without TLS takes the greeting for a command that has no end, and is silent. */
function withTlsInMind(error: unknown): unknown {
  return error instanceof RedisUnavailable && /ETIMEDOUT|ECONNRESET/.test(error.message)
    ? new RedisUnavailable(
        `${error.message}; does it speak TLS there? redis… in place of rediss… is without`,
        {
          cause: error,
        },
      )
    : error;
}

/**
 * Connects to Redis.
 * @throws {RedisUnavailable} when there is no connection within five seconds, or the server is not one to rely on
 */
export async function openRedis(options: {
  url: string;
  settings: Configuration['redis'];
  issuer: string;
  log: Log;
}): Promise<RedisConnection> {
  const { url, settings, issuer, log } = options;
  const address = parseRedisUrl(url);
  if (typeof address === 'string') throw new TypeError('the configuration lets no such Redis URL through');
  // Loaded by those who have a Redis alone: it takes some MiB.
  const { createRedisClient } = await import('./create-client.ts');
  const { client, stopWatching } = createRedisClient(address, settings);
  const prefix = prefixOf(settings.keyPrefix, issuer);
  const connection = new Connection(client, { settings, prefix, log, stopWatching });
  try {
    await connection.open();
  } catch (error) {
    await connection.close();
    throw address.tls ? withTlsInMind(error) : error;
  }
  return connection;
}
