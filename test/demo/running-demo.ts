import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOperator } from '../../scripts/demo/operator.ts';
import { withDeadline } from '../flows/deadline.ts';
import { eventually } from '../flows/latchkey-process.ts';

const PROJECT = join(import.meta.dirname, '../..');
const DEMO = [
  `--import=${join(PROJECT, 'lib/runtime-settings.js')}`,
  '--disable-warning=ExperimentalWarning',
  join(PROJECT, 'scripts/demo.ts'),
];

/** A demo as `npm run demo` starts it, in a folder of its own that outlives it until `remove`. */
export class RunningDemo {
  readonly folder: string;
  #child: ChildProcess;
  #output = '';
  /** Ended, and all that it said is here. */
  #closed = false;

  private constructor(folder: string, options: string[]) {
    this.folder = folder;
    this.#child = spawn(process.execPath, [...DEMO, '--data-dir', folder, ...options], {
      env: { PATH: process.env.PATH ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.once('close', () => {
      this.#closed = true;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  /** Starts it and does not wait. */
  static launch(
    folder = mkdtempSync(join(tmpdir(), 'latchkey-demo-')),
    options = ['--free-ports'],
  ): RunningDemo {
    return new RunningDemo(folder, options);
  }

  /** Starts it and waits until it says what to click, or has ended. */
  static async start(...given: Parameters<typeof RunningDemo.launch>): Promise<RunningDemo> {
    const demo = RunningDemo.launch(...given);
    await eventually('the demo is ready', () => demo.ready || demo.exitCode !== null, 110_000);
    return demo;
  }

  get output(): string {
    return this.#output;
  }
  get ready(): boolean {
    return this.#output.includes('Ctrl-C ends everything');
  }
  get exitCode(): number | null {
    return this.#closed ? this.#child.exitCode : null;
  }
  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** A word that the demo prints behind a label. */
  #printed(label: RegExp): string {
    const word = label.exec(this.#output)?.[1];
    if (word === undefined) throw new Error(`the demo did not print ${label}:\n${this.#output}`);
    return word;
  }

  get startPage(): string {
    return this.#printed(/Open +(\S+)/);
  }
  get webApp(): string {
    return this.#printed(/Book Club, (\S+?):? /);
  }
  get singlePageApp(): string {
    return this.#printed(/Notes, (\S+?):? /);
  }
  get login(): string {
    return this.#printed(/Sign in as +(\S+)/);
  }
  get password(): string {
    return this.#printed(/Password +(\S+)/);
  }
  get issuer(): string {
    const yaml = readFileSync(join(this.folder, 'latchkey.yaml'), 'utf8');
    return /^issuer: (\S+)$/m.exec(yaml)?.[1] ?? '';
  }

  /** Does what a command of the operator's CLI does on the demo's provider and answers what it prints. Throws when it fails. */
  async operator<T>(words: string[], input = ''): Promise<T> {
    const operator = createOperator({ LATCHKEY_CONFIG: join(this.folder, 'latchkey.yaml') });
    const answer = await operator(words, input);
    if (answer.outcome === 'done') return answer.json as T;
    throw new Error(`latchkey ${words.join(' ')}: ${answer.error}: ${answer.description}`);
  }

  /** Sends a signal and waits for the end; answers the exit code. */
  async end(signal: NodeJS.Signals = 'SIGINT'): Promise<number | null> {
    const child = this.#child;
    if (this.#closed) return child.exitCode;
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill(signal);
    await withDeadline(`the demo ends by ${signal}`, 60_000, closed);
    return child.exitCode;
  }

  /** Ends it, and removes its folder. */
  async remove(): Promise<void> {
    await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
