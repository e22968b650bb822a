import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findPostgres, installPostgres } from '../../scripts/test-parts/find-postgres.ts';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { forget, guard } from '../redis/process-guardian.ts';

const START_MILLISECONDS = 30_000;

/** PostgreSQL refuses to run as root; its package brings a user of its own. */
interface Owner {
  uid: number;
  gid: number;
}

function ownerOfServers(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith('postgres:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined) throw new Error(`there is no user postgres: ${installPostgres}`);
  return { uid: Number(uid), gid: Number(gid) };
}

function programs(): string {
  const folder = findPostgres();
  if (folder === undefined) throw new Error(`PostgreSQL is missing: ${installPostgres}`);
  return folder;
}

function makeFolder(name: string, owner: Owner | undefined): string {
  const folder = mkdtempSync(path.join(tmpdir(), name));
  guard(folder);
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

let template: string | undefined;

/** A fresh cluster, made once for all servers of this process. */
function clusterTemplate(owner: Owner | undefined): string {
  if (template !== undefined) return template;
  const folder = makeFolder('latchkey-postgres-template-', owner);
  const data = path.join(folder, 'data');
  const options = ['--no-sync', '--encoding=UTF8', '--locale=C.UTF-8', '--auth=trust', '--username=postgres'];
  const made = spawnSync(path.join(programs(), 'initdb'), [...options, '-D', data], {
    cwd: folder,
    encoding: 'utf8',
    ...owner,
  });
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr || made.error}`);
  template = data;
  return data;
}

export interface PostgresServerOptions {
  /** How the role `latchkey` proves itself over TCP; `trust` by default. */
  auth?: 'trust' | 'scram-sha-256';
  /** PEM files; the server then offers TLS. */
  tls?: { certFile: string; keyFile: string };
  /** Whether a commit waits for the disk, as it does in production; off by default. */
  durable?: boolean;
  /** Further settings, such as `{ log_statement: 'all' }`. */
  settings?: Record<string, string>;
}

/** A PostgreSQL server of its own on the loopback, whose process may be stopped, killed, paused and started again. */
export class PostgresServer {
  readonly port: number;
  readonly folder: string;
  /** Of the role `latchkey`, which owns every database that is made here. */
  readonly password = `secret-${randomBytes(6).toString('hex')}`;
  readonly #options: PostgresServerOptions;
  readonly #owner: Owner | undefined;
  #child: ChildProcess | undefined;
  #databases = 0;

  private constructor(options: PostgresServerOptions, port: number, owner: Owner | undefined) {
    this.#options = options;
    this.port = port;
    this.#owner = owner;
    this.folder = makeFolder('latchkey-postgres-', owner);
  }

  /** Makes a server, starts it and waits until it answers. */
  static async start(options: PostgresServerOptions = {}): Promise<PostgresServer> {
    const owner = ownerOfServers();
    const server = new PostgresServer(options, await freePort(), owner);
    try {
      const copied = spawnSync('cp', ['-a', clusterTemplate(owner), server.#data], { encoding: 'utf8' });
      if (copied.status !== 0) throw new Error(copied.stderr);
      server.#configure();
      await server.restart();
      await server.administer(`CREATE ROLE latchkey LOGIN PASSWORD '${server.password}'`);
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** What the server has written to its log. */
  get log(): string {
    return readFileSync(this.#logFile, 'utf8');
  }

  get #data(): string {
    return path.join(this.folder, 'data');
  }

  get #logFile(): string {
    return path.join(this.folder, 'log');
  }

  /** The URL of a database as the role `latchkey` uses it. */
  url(database: string, parameters = ''): string {
    return `postgres://latchkey:${this.password}@127.0.0.1:${this.port}/${database}${parameters}`;
  }

  /** Makes an empty database and answers its name. `options` are those of CREATE DATABASE. */
  async createDatabase(options = ''): Promise<string> {
    this.#databases += 1;
    const name = `directory_${this.#databases}`;
    await this.administer(`CREATE DATABASE ${name} OWNER latchkey ${options}`);
    return name;
  }

  /** A connection of the superuser, which no setting keeps out. The caller ends it. */
  async connect(database = 'postgres'): Promise<pg.Client> {
    const client = new pg.Client({ host: this.folder, port: this.port, user: 'postgres', database });
    client.on('error', () => {});
    await client.connect();
    return client;
  }

  /** Runs statements as the superuser; answers the rows of the last. */
  async administer(statements: string, database?: string): Promise<Record<string, unknown>[]> {
    const client = await this.connect(database);
    try {
      const results = [await client.query(statements)].flat();
      return results.at(-1)?.rows ?? [];
    } finally {
      await client.end();
    }
  }

  /** Starts the process (again) on the same port and data, and waits until it answers. */
  async restart(): Promise<void> {
    const deadline = Date.now() + START_MILLISECONDS;
    // Backends of a server that was killed hold its memory for a moment, and keep another one from starting.
    while (!(await this.#launch())) {
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not start:\n${this.log}`);
      await sleep(50);
    }
  }

  /** Ends it properly, at once: `fast`, as a system does that shuts down. */
  stop(): Promise<void> {
    return this.#end('SIGINT');
  }

  /** Of a server that is stopped: what it starts as next takes no writes. */
  becomeStandby(): void {
    writeFileSync(path.join(this.#data, 'standby.signal'), '');
  }

  /** `kill -9`: its backends end when they notice. */
  async kill(): Promise<void> {
    const backends = this.#backends();
    await this.#end('SIGKILL');
    await eventually('the backends ended', () => backends.every((pid) => !existsSync(`/proc/${pid}`)));
  }

  /** Stops all its processes where they are: connections stay open, and nothing is answered. */
  pause(): void {
    for (const pid of [this.pid, ...this.#backends()]) process.kill(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of [this.pid, ...this.#backends()]) process.kill(pid, 'SIGCONT');
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) this.resume();
    await this.#end('SIGQUIT');
    rmSync(this.folder, { recursive: true, force: true });
    forget(this.folder);
  }

  #configure(): void {
    const { auth = 'trust', tls, durable = false, settings = {} } = this.#options;
    const all: Record<string, string> = {
      listen_addresses: '127.0.0.1,127.0.0.2',
      port: String(this.port),
      unix_socket_directories: this.folder,
      max_connections: '120',
      shared_buffers: '16MB',
      deadlock_timeout: '100ms',
      ...(durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
      ...(tls === undefined
        ? {}
        : { ssl: 'on', ssl_cert_file: this.#own(tls.certFile), ssl_key_file: this.#own(tls.keyFile) }),
      ...settings,
    };
    const lines = Object.entries(all).map(([name, value]) => `${name} = '${value}'\n`);
    writeFileSync(path.join(this.#data, 'postgresql.auto.conf'), lines.join(''));
    writeFileSync(
      path.join(this.#data, 'pg_hba.conf'),
      `local all postgres trust\nlocal all all ${auth}\nhost all all 127.0.0.0/8 ${auth}\n`,
    );
  }

  /** A copy that the server's own user alone may read, as it wants of its key. */
  #own(file: string): string {
    const copy = path.join(this.folder, path.basename(file));
    copyFileSync(file, copy);
    chmodSync(copy, 0o600);
    if (this.#owner !== undefined) chownSync(copy, this.#owner.uid, this.#owner.gid);
    return copy;
  }

  /** Whether it runs; not when it ended before it answered. */
  async #launch(): Promise<boolean> {
    const log = openSync(this.#logFile, 'a');
    const child = spawn(path.join(programs(), 'postgres'), ['-D', this.#data], {
      cwd: this.folder,
      stdio: ['ignore', log, log],
      ...this.#owner,
    });
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error('PostgreSQL cannot be started');
    guard(pid);
    child.once('exit', () => forget(pid));
    this.#child = child;
    let ended = false;
    await eventually(
      `PostgreSQL answers on port ${this.port}`,
      async () => {
        ended = child.exitCode !== null || child.signalCode !== null;
        return (
          ended ||
          this.administer('SELECT 1').then(
            () => true,
            () => false,
          )
        );
      },
      START_MILLISECONDS,
    );
    return !ended;
  }

  #backends(): number[] {
    const children = `/proc/${this.pid}/task/${this.pid}/children`;
    return existsSync(children) ? readFileSync(children, 'utf8').split(' ').map(Number).filter(Boolean) : [];
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }
}
