import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { findRedisServer, installRedisServer } from '../../scripts/test-parts/find-redis-server.ts';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { forget, guard } from './process-guardian.ts';

export interface RedisServerOptions {
  /** Any free one by default. */
  port?: number;
  appendOnly?: boolean;
  appendFsync?: 'always' | 'everysec' | 'no';
  /** Such as `4mb`. */
  maxMemory?: string;
  maxMemoryPolicy?: string;
  /** Of the default user. */
  password?: string;
  /** Lines of an ACL file, such as `user latchkey on >secret ~* +@all`. */
  users?: string[];
  /** PEM files; the server then speaks TLS alone, and asks clients for a certificate. */
  tls?: { certFile: string; keyFile: string; caFile: string };
  replicaOf?: { port: number };
  cluster?: boolean;
  /** Where its files are; a temporary folder by default, which is removed at the end. */
  folder?: string;
  /** Further lines of redis.conf. */
  configuration?: string[];
  sentinel?: boolean;
}

function configurationFile(
  options: RedisServerOptions,
  port: number,
  busPort: number,
  folder: string,
): string {
  const { tls, users } = options;
  if (users !== undefined) writeFileSync(join(folder, 'users.acl'), `${users.join('\n')}\n`);
  const lines: Record<string, string | undefined> = {
    bind: '127.0.0.1',
    dir: folder,
    logfile: join(folder, 'log'),
    daemonize: 'no',
    port: tls === undefined ? String(port) : '0',
    'tls-port': tls === undefined ? undefined : String(port),
    'tls-cert-file': tls?.certFile,
    'tls-key-file': tls?.keyFile,
    'tls-ca-cert-file': tls?.caFile,
    'tls-auth-clients': tls === undefined ? undefined : 'yes',
    'tls-replication': tls === undefined ? undefined : 'yes',
    requirepass: options.password,
    aclfile: users === undefined ? undefined : join(folder, 'users.acl'),
    ...(options.sentinel
      ? {}
      : {
          save: '""',
          appendonly: options.appendOnly ? 'yes' : 'no',
          appendfsync: options.appendFsync ?? 'always',
          maxmemory: options.maxMemory,
          'maxmemory-policy': options.maxMemoryPolicy ?? 'noeviction',
          masterauth: options.password,
          'repl-diskless-sync-delay': '0',
          replicaof: options.replicaOf && `127.0.0.1 ${options.replicaOf.port}`,
          'cluster-enabled': options.cluster ? 'yes' : undefined,
          'cluster-port': options.cluster ? String(busPort) : undefined,
          'cluster-node-timeout': options.cluster ? '1500' : undefined,
        }),
  };
  return [
    ...Object.entries(lines).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])),
    ...(options.configuration ?? []),
    '',
  ].join('\n');
}

/** A redis-server of its own on the loopback, whose process may be killed, paused and started again on the same data. */
export class RedisServer {
  readonly port: number;
  /** The port of the Cluster's own traffic. */
  readonly busPort: number;
  readonly folder: string;
  readonly #options: RedisServerOptions;
  #child: ChildProcess | undefined;

  private constructor(options: RedisServerOptions, port: number, busPort: number, folder: string) {
    this.#options = options;
    this.port = port;
    this.busPort = busPort;
    this.folder = folder;
  }

  /** Starts one and waits until it answers. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const [port, busPort] = [options.port ?? (await freePort()), await freePort()];
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
    if (options.folder === undefined) guard(folder);
    const server = new RedisServer(options, port, busPort, folder);
    // A Sentinel writes what it learns into the file that it was started with.
    writeFileSync(join(folder, 'redis.conf'), configurationFile(options, port, busPort, folder));
    try {
      await server.restart();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get url(): string {
    const { tls, password } = this.#options;
    const credentials = password === undefined ? '' : `:${password}@`;
    return `${tls === undefined ? 'redis' : 'rediss'}://${credentials}127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** What the server wrote to its log. */
  get log(): string {
    return readFileSync(join(this.folder, 'log'), 'utf8');
  }

  /** Starts the process (again) on the same port and folder, and waits until it answers. */
  async restart(): Promise<void> {
    const program = findRedisServer();
    if (program === undefined) throw new Error(`redis-server is missing: ${installRedisServer}`);
    const { sentinel } = this.#options;
    const file = join(this.folder, 'redis.conf');
    const child = spawn(program, [file, ...(sentinel ? ['--sentinel'] : [])], { stdio: 'ignore' });
    this.#child = child;
    const { pid } = child;
    if (pid === undefined) throw new Error(`${program} cannot be started`);
    guard(pid);
    child.once('exit', () => forget(pid));
    await eventually(`redis-server answers on port ${this.port}`, async () => {
      if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}:\n${this.log}`);
      return this.answers();
    });
  }

  /** Whether it answers PING now; a refusal for want of credentials is an answer. */
  async answers(): Promise<boolean> {
    return this.command('PING').then(
      () => true,
      (error: Error) => /NOAUTH|NOPERM|WRONGPASS/.test(error.message),
    );
  }

  /** Runs one command over a connection of its own; rejects when it takes longer than ten seconds. */
  async command(name: string, ...words: (string | number)[]): Promise<unknown> {
    const client = this.connect();
    try {
      await client.connect();
      return await client.call(name, ...words);
    } finally {
      client.disconnect();
    }
  }

  /** A client that does not come back by itself; the caller disconnects it. */
  connect(): Redis {
    const { tls, password } = this.#options;
    const client = new Redis({
      host: '127.0.0.1',
      port: this.port,
      lazyConnect: true,
      retryStrategy: null,
      enableReadyCheck: false,
      connectTimeout: 10_000,
      commandTimeout: 10_000,
      ...(password === undefined ? {} : { password }),
      ...(tls === undefined
        ? {}
        : {
            tls: {
              ca: readFileSync(tls.caFile),
              cert: readFileSync(tls.certFile),
              key: readFileSync(tls.keyFile),
            },
          }),
    });
    client.on('error', () => {});
    return client;
  }

  /** Stops answering while connections stay open, as a machine does that is swapping or a disk that hangs. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
  }

  resume(): void {
    process.kill(this.pid, 'SIGCONT');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    // A paused process hears nothing but SIGKILL.
    child.kill('SIGCONT');
    await exited;
  }

  /** `kill -9`. The data stays. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** Ends it as an operator would. The data stays. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** Ends it and removes its folder, unless that was given. */
  async remove(): Promise<void> {
    await this.kill();
    if (this.#options.folder !== undefined) return;
    rmSync(this.folder, { recursive: true, force: true });
    forget(this.folder);
  }
}
