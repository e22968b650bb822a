import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import type { Configuration } from '../../config/configuration.ts';
import type { Log } from '../observability/log.ts';
import { reconnectionPause } from './reconnection-pause.ts';
import { checkReadiness, isPersistent } from './redis-readiness.ts';
import type { RedisScript } from './redis-script.ts';
import { asRedisUnavailable, RedisUnavailable } from './redis-unavailable.ts';

/** How long (ms) a start waits for a server that is starting itself. */
const START_MILLISECONDS = 5000;
/** How long (ms) a connection may take to close. */
const CLOSE_MILLISECONDS = 500;

type Value = string | Buffer | number;

export interface ScriptOptions {
  /** Bulk replies are Buffers, not text. */
  buffers?: boolean;
  /** What it writes counts only when as many replicas have it as `redis.wait_replicas` asks. */
  writes?: boolean;
}

export interface RedisConnection {
  /** No command waits for a connection; see create-client.ts. To be used within `roundTrip`. */
  readonly client: Redis | Cluster;
  /** What every key begins with; ends in ':' and has no braces. */
  readonly prefix: string;
  /** How many round trips there have been; it only grows. */
  readonly roundTrips: number;
  /**
   * Runs one round trip. Rejects with RedisUnavailable when Redis is in trouble or does not answer within
   * `redis.command_timeout`; what was sent may take effect nevertheless, up to two seconds later. Other errors are bugs.
   */
  roundTrip<Result>(work: (client: Redis | Cluster) => Promise<Result>): Promise<Result>;
  /** Runs a script by its digest in one round trip, in two when the server does not know it yet. All keys are of one slot. */
  runScript(
    script: RedisScript,
    keys: readonly (string | Buffer)[],
    parameters: readonly Value[],
    options?: ScriptOptions,
  ): Promise<unknown>;
  /** Rejects with RedisUnavailable, whose message says what to do, unless each server is one that keeps the promises. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** The replies of a pipeline. Throws the first error among them, for `roundTrip` to tell what it means. */
function pipelineReplies(results: [error: Error | null, reply: unknown][] | null): unknown[] {
  return (results ?? []).map(([error, reply]) => {
    if (error !== null) throw error;
    return reply;
  });
}

/** The connection of `openRedis`. */
export class Connection implements RedisConnection {
  readonly client: Redis | Cluster;
  readonly prefix: string;
  readonly #timeout: number;
  readonly #waitReplicas: number;
  readonly #log: Log;
  readonly #stopWatching: (() => void) | undefined;
  #roundTrips = 0;
  #corked: Socket | undefined;
  #lastError: Error | undefined;
  #connected = false;
  #closing = false;

  constructor(
    client: Redis | Cluster,
    options: {
      settings: Configuration['redis'];
      prefix: string;
      log: Log;
      stopWatching: (() => void) | undefined;
    },
  ) {
    const { settings, prefix, log, stopWatching } = options;
    this.client = client;
    this.#stopWatching = stopWatching;
    this.prefix = prefix;
    this.#timeout = settings.commandTimeout;
    this.#waitReplicas = settings.waitReplicas;
    this.#log = log;
    client.on('error', (error: Error & { command?: { name: string } }) => {
      // What still wanted to be sent tells nothing of why that connection was ended.
      if (!error.message.startsWith('Stream isn')) this.#lastError = error;
      // ioredis would go on with database 0, which may be somebody else's.
      if (error.command?.name === 'select') client.disconnect(true);
    });
    client.on('node error', (error: Error) => {
      this.#lastError = error;
    });
    client.on('ready', () => {
      this.#connected = true;
      this.#lastError = undefined;
      this.#log.info('connected to Redis');
    });
    client.on('close', () => {
      if (this.#connected && !this.#closing) {
        this.#log.warn({ err: this.#lastError }, 'the connection to Redis is lost; connecting again');
      }
      this.#connected = false;
    });
    // ioredis gives up when it is told to reconnect while it asks the Sentinels for a master.
    client.on('end', () => {
      if (this.#closing) return;
      setTimeout(() => {
        if (!this.#closing && client.status === 'end') client.connect().catch(() => {});
      }, reconnectionPause(1)).unref();
    });
    // A connection that is made by the first command rejects those that come while it is being made.
    client.on('+node', (node: Redis) => {
      if (node.status === 'wait') node.connect().catch(() => {});
    });
  }

  get roundTrips(): number {
    return this.#roundTrips;
  }

  async roundTrip<Result>(work: (client: Redis | Cluster) => Promise<Result>): Promise<Result> {
    this.#roundTrips += 1;
    try {
      if (this.client.status !== 'ready') throw this.#notConnected();
      this.#writeTogether();
      return await this.#inTime(work(this.client));
    } catch (error) {
      throw asRedisUnavailable(error) ?? error;
    }
  }

  async runScript(
    script: RedisScript,
    keys: readonly (string | Buffer)[],
    parameters: readonly Value[],
    options: ScriptOptions = {},
  ): Promise<unknown> {
    const rest = [keys.length, ...keys, ...parameters];
    try {
      return await this.#send('evalsha', [script.digest, ...rest], options);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    }
    return this.#send('eval', [script.source, ...rest], options);
  }

  #send(
    command: 'evalsha' | 'eval',
    words: Value[],
    { writes = false, buffers = false }: ScriptOptions,
  ): Promise<unknown> {
    const call = buffers ? 'callBuffer' : 'call';
    const replicas = writes ? this.#waitReplicas : 0;
    if (replicas === 0) return this.roundTrip((client) => client[call](command, ...words));
    // Half of the time: an answer that says "not yet" is better than none.
    const milliseconds = Math.floor(this.#timeout / 2);
    return this.roundTrip(async (client) => {
      const pipeline = client.pipeline();
      pipeline[call](command, ...words);
      pipeline.wait(replicas, milliseconds);
      const [reply, reached] = pipelineReplies(await pipeline.exec());
      if (Number(reached) < replicas) {
        throw new RedisUnavailable(
          `Redis: ${reached} of ${replicas} replicas had a write after ${milliseconds} ms (redis.wait_replicas)`,
        );
      }
      return reply;
    });
  }

  check(): Promise<void> {
    return this.roundTrip((client) => checkReadiness(client, this.prefix));
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#stopWatching?.();
    const { status } = this.client;
    const ended = new Promise<void>((resolve) => this.client.once('end', () => resolve()));
    this.client.disconnect();
    // Between two attempts to connect there is nothing to end, and ioredis does not say so.
    if (status === 'end' || status === 'reconnecting') return;
    await Promise.race([ended, sleep(CLOSE_MILLISECONDS, undefined, { ref: false })]);
  }

  /** Connects, and waits for a server that starts or loads at the moment. */
  async open(): Promise<void> {
    const deadline = Date.now() + START_MILLISECONDS;
    const ready = new Promise<void>((resolve) => this.client.once('ready', () => resolve()));
    this.client.connect().catch((error: Error) => {
      this.#lastError ??= error;
    });
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<void>((resolve) => {
      const look = (): void => {
        if (Date.now() >= deadline || isHopeless(this.#lastError)) resolve();
        else timer = setTimeout(look, 50);
      };
      look();
    });
    await Promise.race([ready, overdue]);
    clearTimeout(timer);
    if (this.client.status !== 'ready') throw this.#notConnected();
    if (this.client.isCluster) {
      for (const node of (this.client as Cluster).nodes()) {
        if (node.status === 'wait') node.connect().catch(() => {});
      }
    }
    await this.check();
    if ((await this.roundTrip(isPersistent)) === false) {
      this.#log.warn(
        'Redis does not keep an append-only file (appendonly no): its restart ends every session',
      );
    }
  }

  /** What requests of the same turn of the event loop send goes out in one write, which is a third of what sending costs. */
  #writeTogether(): void {
    const { stream } = this.client as { stream?: Socket };
    if (stream === undefined || stream === this.#corked) return;
    this.#corked = stream;
    stream.cork();
    setImmediate(() => {
      this.#corked = undefined;
      stream.uncork();
    });
  }

  #notConnected(): RedisUnavailable {
    const why = this.#lastError === undefined ? 'no server has answered' : wordsOf(this.#lastError);
    return new RedisUnavailable(`Redis: not connected (${why})`, { cause: this.#lastError });
  }

  async #inTime<Result>(answer: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(
        () => reject(new RedisUnavailable(`Redis: no answer within ${this.#timeout} ms`)),
        this.#timeout,
      );
    });
    try {
      return await Promise.race([answer, overdue]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Waiting does not help against a wrong password or an untrusted certificate. */
function isHopeless(error: Error | undefined): boolean {
  if (error === undefined) return false;
  const { code = '' } = rootOf(error) as NodeJS.ErrnoException;
  return (
    /^(?:WRONGPASS|NOAUTH|NOPERM|ERR)\b/.test(rootOf(error).message) ||
    /CERT|^ERR_(?:TLS|SSL|OSSL)_/.test(code)
  );
}

/** A Cluster reports its nodes’ trouble as one of its own. */
function rootOf(error: Error): Error {
  const { lastNodeError } = error as { lastNodeError?: Error | null };
  return lastNodeError ?? error;
}

function wordsOf(error: Error): string {
  return rootOf(error).message;
}
