import { randomBytes } from 'node:crypto';
import { PostgresServer } from '../database/postgres-server.ts';
import { RedisServer } from '../redis/redis-servers.ts';

/** Where the directory and what is remembered live, for flows that must be the same wherever that is. */
export interface Store {
  /** What a Latchkey needs to use it. */
  environment: Record<string, string>;
  remove(): Promise<void>;
}

/** Opens each kind of store, by what it is called in a test's name. */
export const STORES: Readonly<Record<string, () => Promise<Store>>> = {
  'the embedded database': async () => ({ environment: {}, remove: async () => {} }),
  'PostgreSQL and Redis': async () => {
    const [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    return {
      environment: {
        LATCHKEY_DATABASE_URL: postgres.url(await postgres.createDatabase()),
        LATCHKEY_REDIS_URL: redis.url,
        LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      },
      remove: async () => {
        await Promise.all([postgres.remove(), redis.remove()]);
      },
    };
  },
};
