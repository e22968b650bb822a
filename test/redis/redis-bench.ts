import { configurationSchema } from '../../config/configuration.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openRedis, type RedisConnection, RedisUnavailable, redisScript } from '../../lib/redis/redis.ts';
import { Stopwatch } from '../flows/stopwatch.ts';

const ISSUER = 'https://id.example.com';

type Settings = ReturnType<typeof configurationSchema.parse>['redis'];

/** Sets a key and answers what it holds: a write that may run twice. */
const WRITE = redisScript(`
  redis.call('TIME')
  redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000)
  return redis.call('GET', KEYS[1])
`);

/** Connections under test, and every line of their log. */
export class RedisBench {
  readonly lines: string[] = [];
  readonly #opened: RedisConnection[] = [];

  async open(url: string, settings: Partial<Settings> = {}): Promise<RedisConnection> {
    const connection = await openRedis({
      url,
      settings: { ...configurationSchema.parse({}).redis, ...settings },
      issuer: ISSUER,
      log: createLog('trace', { write: (line: string) => this.lines.push(line) }),
    });
    this.#opened.push(connection);
    return connection;
  }

  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((connection) => connection.close()));
  }
}

/** Writes a key of the given hash tag through the script. */
export function write(
  redis: RedisConnection,
  value: string,
  tag = 'a',
  replicated = false,
): Promise<unknown> {
  return redis.runScript(WRITE, [`${redis.prefix}{${tag}}:test`], [value], { writes: replicated });
}

/** The trouble that `work` meets, and how long (ms) it took; throws when it meets none, or a bug. */
export async function troubleOf(
  work: () => Promise<unknown>,
): Promise<{ message: string; milliseconds: number }> {
  const stopwatch = new Stopwatch();
  try {
    await work();
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) throw error;
    return { message: error.message, milliseconds: stopwatch.read() };
  }
  throw new Error('there was no trouble');
}

/** Whether `work` succeeds now; trouble of the store is no, a bug is thrown. */
export async function succeeds(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) throw error;
    return false;
  }
}
