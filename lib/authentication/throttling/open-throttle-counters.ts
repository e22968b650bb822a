import type { Database } from '../../database/database.ts';
import type { RedisConnection } from '../../redis/redis.ts';
import { RedisThrottleCounters } from './redis-throttle-counters.ts';
import { SqliteThrottleCounters } from './sqlite-throttle-counters.ts';
import type { ThrottleCounters } from './throttle-counters.ts';

/** The counters; the database and the connection to Redis are of whoever opened them. */
export function openThrottleCounters(rooms: {
  database: Database;
  redis: RedisConnection | undefined;
}): ThrottleCounters {
  return rooms.redis === undefined
    ? new SqliteThrottleCounters(rooms.database)
    : new RedisThrottleCounters(rooms.redis);
}
