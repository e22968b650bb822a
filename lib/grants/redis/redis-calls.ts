import { setTimeout as later } from 'node:timers/promises';
import { type RedisConnection, type RedisScript, RedisUnavailable } from '../../redis/redis.ts';
import { StorageUnavailable } from '../storage.ts';

/** For how long (ms) after a connection broke a command is sent again, if it was sent no longer ago than that. */
const RESEND_MILLISECONDS = 500;
const LOOK_MILLISECONDS = 15;

export type Argument = string | number | Buffer;

/** What broke was the connection, and not the server's will: whether the command ran is not known. */
const BROKEN_CONNECTION =
  /Connection is closed|Command aborted due to connection close|max retries per request|ECONNRESET|EPIPE|Node is disconnected/;

/**
 * Calls of scripts. All of them may be sent twice without a second effect (redis-apply-script.ts), so one whose connection broke is sent
 * again as soon as there is another: a short break then costs no one their request, and the answer that was lost is
 * told. Throws StorageUnavailable.
 */
export class RedisCalls {
  readonly connection: RedisConnection;

  constructor(connection: RedisConnection) {
    this.connection = connection;
  }

  async run(
    script: RedisScript,
    keys: readonly Buffer[],
    parameters: readonly Argument[],
    writes = true,
  ): Promise<unknown> {
    return this.#resending(() =>
      this.connection.runScript(script, keys, parameters, { buffers: true, writes }),
    );
  }

  /** The value of one key. */
  async get(name: Buffer): Promise<Buffer | undefined> {
    const value = await this.#resending(() => this.connection.roundTrip((client) => client.getBuffer(name)));
    return value ?? undefined;
  }

  async set(name: Buffer, value: Buffer, life: number): Promise<void> {
    await this.#resending(() => this.connection.roundTrip((client) => client.set(name, value, 'PX', life)));
  }

  async #resending<Reply>(send: () => Promise<Reply>): Promise<Reply> {
    const deadline = performance.now() + RESEND_MILLISECONDS;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof RedisUnavailable)) throw error;
        const again = BROKEN_CONNECTION.test(error.message) && (await this.#reconnected(deadline));
        if (!again) throw new StorageUnavailable('Redis cannot answer or keep this now', { cause: error });
      }
    }
  }

  async #reconnected(deadline: number): Promise<boolean> {
    while (performance.now() < deadline) {
      await later(LOOK_MILLISECONDS);
      if (this.connection.client.status === 'ready') return true;
    }
    return false;
  }
}
