import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { configurationSchema } from '../../config/configuration.ts';
import { openDatabase } from '../../lib/database/database.ts';
import { openGrants } from '../../lib/grants/grants.ts';
import { RedisStorage } from '../../lib/grants/redis/redis-storage.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openRedis, type RedisConnection } from '../../lib/redis/redis.ts';
import type { OpenPlace, Place } from './storage-place.ts';

const DEFAULT_GRACE_SECONDS = 10;

export interface OpenRedisPlace extends OpenPlace {
  redis: RedisConnection;
}

/** Opens Redis, with the data directory that holds its encryption key, as one process would. */
export async function openPlace(
  location: string,
  options: { graceSeconds?: number; encryptionKey?: string[] } = {},
): Promise<OpenRedisPlace> {
  const { graceSeconds = DEFAULT_GRACE_SECONDS, encryptionKey = [] } = options;
  const { dataDir, url } = JSON.parse(location) as { dataDir: string; url: string };
  const log = createLog('silent');
  const database = await openDatabase({ dataDir, encryptionKey });
  const { redis: settings } = configurationSchema.parse({});
  const redis = await openRedis({ url, settings, issuer: 'https://id.example.com', log });
  const events = createEvents();
  const reuses: unknown[] = [];
  events.on('refresh.reused', (reuse) => reuses.push(reuse));
  const grants = openGrants({ database, redis, events, log, refreshGrace: () => graceSeconds });
  const { sealer, epoch } = database;
  const storage = new RedisStorage({ connection: redis, sealer, epoch: epoch.id, log });
  return {
    grants,
    storage,
    reuses,
    redis,
    close: async () => {
      await storage.close();
      await grants.close();
      await redis.close();
      await database.close();
    },
  };
}

/** A place at this Redis: a data directory of its own, hence an epoch of its own, hence keys of its own. */
export async function makeRedisPlace(url: string): Promise<Place> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-grants-'));
  const location = JSON.stringify({ dataDir, url });
  return {
    open: (options) => openPlace(location, options),
    module: path.join(import.meta.dirname, 'redis-place.ts'),
    location,
    sweeps: false,
    remove: async () => rmSync(dataDir, { recursive: true }),
  };
}
