import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfiguration } from '../../config/load.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openRooms } from '../../lib/rooms.ts';
import { freePort } from '../../scripts/demo/ports.ts';
import { type CommandResult, commandInProcess, printedJson } from '../cli/command-in-process.ts';
import { withDeadline } from './deadline.ts';

export { freePort } from '../../scripts/demo/ports.ts';

const LIB = path.join(import.meta.dirname, '../../lib');
/**
 * What the program is started with, before its command: as `npm start` does. What the heap begins with saves a tenth of each of some
 * hundred starts.
 */
export const PROGRAM: ReadonlyArray<string> = [
  '--initial-old-space-size=64',
  `--import=${path.join(LIB, 'runtime-settings.js')}`,
  '--disable-warning=ExperimentalWarning',
  path.join(LIB, 'main.ts'),
];
const START_MILLISECONDS = 50_000;
/** How long (ms) a process may take to do its work or to end, on however busy a machine: less than a test may. */
const END_MILLISECONDS = 100_000;
/** How much longer (ms) than it was to be waited a single look may take. */
const LOOK_MILLISECONDS = 15_000;
/** Log levels at which a process says that it listens. */
const TALKATIVE = ['trace', 'debug', 'info'];

/** Polls until `condition` holds; fails with its name when it does not in time (ms), also where a look at it hangs. */
export async function eventually(
  name: string,
  condition: () => boolean | Promise<boolean>,
  milliseconds = 30_000,
): Promise<void> {
  const deadline = Date.now() + milliseconds;
  const look = async (): Promise<boolean> => condition();
  while (!(await withDeadline(`a look whether ${name}`, milliseconds + LOOK_MILLISECONDS, look()))) {
    if (Date.now() > deadline) throw new Error(`not in time: ${name}`);
    await sleep(20);
  }
}

/** Runs one command of the operator's CLI as its own process. */
export async function runCommand(
  environment: Record<string, string>,
  words: string[],
  input = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, [...PROGRAM, ...words], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  // A command that refuses early has closed its input; that is its answer, not a fault of the test.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const closed = new Promise<number>((resolve) => child.on('close', (exitCode) => resolve(exitCode ?? -1)));
  try {
    const code = await withDeadline(`latchkey ${words.join(' ')} ends`, END_MILLISECONDS, closed);
    return { code, stdout, stderr };
  } finally {
    child.kill('SIGKILL');
  }
}

/**
 * Commands in this process go one after another: a connection that waits for the lock of the database lets nothing else run in the
 * process, and so not the one that holds it either.
 */
let lastCommand: Promise<unknown> = Promise.resolve();

/** A Latchkey of its own: a server process on a free port and a data directory that goes with it. */
export class LatchkeyProcess {
  readonly issuer: string;
  readonly environment: Record<string, string>;
  readonly dataDir: string;
  #child: ChildProcess | undefined;
  /** Settles when the process has ended and all that it wrote is here. */
  #closed: Promise<unknown> = Promise.resolve();
  #output = '';

  private constructor(issuer: string, environment: Record<string, string>, dataDir: string) {
    this.issuer = issuer;
    this.environment = environment;
    this.dataDir = dataDir;
  }

  /** Starts it and waits until it is ready and discovery answers. `environment` adds to or replaces the variables it is given. */
  static async start(environment: Record<string, string> = {}): Promise<LatchkeyProcess> {
    const port = await freePort();
    const dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-test-'));
    const issuer = environment.LATCHKEY_ISSUER ?? `http://localhost:${port}`;
    const latchkey = new LatchkeyProcess(
      issuer,
      {
        LATCHKEY_ISSUER: issuer,
        LATCHKEY_PORT: String(port),
        LATCHKEY_MANAGEMENT_PORT: '0',
        LATCHKEY_DATA_DIR: dataDir,
        LATCHKEY_LOG_LEVEL: 'debug',
        ...environment,
      },
      dataDir,
    );
    try {
      await latchkey.launch();
    } catch (error) {
      await latchkey.stop();
      throw error;
    }
    return latchkey;
  }

  /** Starts the server process (again) on the same data. */
  async launch(): Promise<void> {
    const child = spawn(process.execPath, [...PROGRAM, 'serve'], {
      env: { PATH: process.env.PATH ?? '', ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#closed = new Promise((resolve) => child.once('close', resolve));
    const former = this.#output.length;
    for (const stream of [child.stdout, child.stderr]) this.#listenTo(stream);
    // Whoever answers may have more to do until it is ready, and what it says comes by another way than its answers.
    const isReady = (): boolean => {
      const said = this.#output.slice(former);
      const level = this.environment.LATCHKEY_LOG_LEVEL ?? 'info';
      return (
        said.includes('Latchkey is ready') &&
        (!TALKATIVE.includes(level) || said.includes('"msg":"listening"'))
      );
    };
    const origin = `http://127.0.0.1:${this.environment.LATCHKEY_PORT}`;
    await eventually(
      'discovery answers',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) {
          await this.#closed;
          throw new Error(`latchkey ended with ${child.exitCode ?? child.signalCode}:\n${this.#output}`);
        }
        if (!isReady() || this.issuer.startsWith('https:')) return isReady();
        return fetch(`${origin}/.well-known/openid-configuration`).then(
          (response) => response.ok,
          () => false,
        );
      },
      START_MILLISECONDS,
    );
  }

  /** Takes what is written there by whole lines, since both streams of a process are put together. */
  #listenTo(stream: Readable): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const end = text.lastIndexOf('\n') + 1;
      if (end > 0) this.#output += rest + text.slice(0, end);
      rest = end > 0 ? text.slice(end) : rest + text;
    });
    stream.on('end', () => {
      this.#output += rest;
    });
  }

  /** Everything the server process has written so far. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  command(words: string[], input = ''): Promise<CommandResult> {
    return runCommand(this.environment, words, input);
  }

  /**
   * Does what a command with --json does, in this process, and returns what it printed: what tests set up is set up so in a
   * twentieth of the time. Throws when it fails.
   */
  async json<T = Record<string, string>>(words: string[], input = ''): Promise<T> {
    const configuration = () => loadConfiguration({ environment: this.environment });
    const open = () => openRooms(configuration(), createLog('silent'));
    const command = lastCommand.then(() =>
      commandInProcess({ configuration, open }, [...words, '--json'], input),
    );
    lastCommand = command.catch(() => {});
    return printedJson(words, await command);
  }

  /** Where it listens for its operator. */
  get management(): string {
    const port = [...this.#output.matchAll(/"managementPort":(\d+)/g)].at(-1)?.[1];
    return `http://127.0.0.1:${port}`;
  }

  /** The exposition of all its metrics. */
  async metrics(): Promise<string> {
    return (await fetch(`${this.management}/metrics`)).text();
  }

  /** What the management port tells of one metric with its labels, as it stands in the exposition; 0 where it is not there. */
  async metric(name: string): Promise<number> {
    const line = (await this.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length) ?? 0);
  }

  createPerson(email: string, password: string): Promise<{ sub: string }> {
    return this.json(
      ['users', 'create', '--email', email, '--name', 'Ada Lovelace', '--password-stdin'],
      password,
    );
  }

  createClient(metadata: Record<string, unknown>): Promise<{ client_id: string; client_secret: string }> {
    return this.json(['clients', 'create', '--file', '-'], JSON.stringify(metadata));
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    try {
      await withDeadline(`the server ends by ${signal}`, END_MILLISECONDS, this.#closed);
    } finally {
      child.kill('SIGKILL');
    }
    return child.exitCode;
  }

  /** Stops the process gracefully and answers its exit code. The data stays. */
  terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** `kill -9`: nothing is flushed, nothing is said. The data stays. */
  async crash(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Stops the process gracefully and removes its data. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
