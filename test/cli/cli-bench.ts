import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { Configuration } from '../../config/configuration.ts';
import { loadConfiguration } from '../../config/load.ts';
import { createProgram } from '../../lib/cli/program.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openRooms, type Rooms } from '../../lib/rooms.ts';
import type { CommandResult } from '../flows/latchkey-process.ts';

/** A stream that keeps what is written to it, or refuses to. */
class Sink extends Writable {
  text = '';
  readonly #failure: NodeJS.ErrnoException | undefined;

  constructor(failure?: NodeJS.ErrnoException) {
    super();
    this.#failure = failure;
  }

  override _write(chunk: Buffer, _encoding: string, written: (error?: Error) => void): void {
    this.text += chunk;
    written(this.#failure);
  }
}

/** The command line in this process, with streams of its own, on a data directory that goes with it. */
export class CliBench {
  readonly dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-cli-'));
  /** How many times a command has opened the rooms. */
  opened = 0;
  /** How many times `serve` was called, and with what. */
  readonly served: { quiet: boolean }[] = [];

  /** Further variables that commands are configured by. */
  environment: Record<string, string> = {};

  /** What commands get for the rooms that were opened, for a test in which something fails. */
  disturb = (rooms: Rooms): Rooms => rooms;

  configuration(): Configuration {
    return loadConfiguration({
      environment: { LATCHKEY_DATA_DIR: this.dataDir, ...this.environment },
      directory: this.dataDir,
    });
  }

  /** The rooms as a command opens them; whoever opens them closes them. */
  async openRooms(): Promise<Rooms> {
    this.opened += 1;
    return this.disturb(await openRooms(this.configuration(), createLog('silent')));
  }

  /** Runs one command line. `refusal` is what writing to standard output fails with. */
  async run(
    words: string[],
    input: string | Buffer = '',
    refusal?: NodeJS.ErrnoException,
  ): Promise<CommandResult> {
    const stdout = new Sink(refusal);
    const stderr = new Sink();
    const program = createProgram({
      version: '1.2.3',
      terminal: { stdin: Readable.from([Buffer.from(input)]), stdout, stderr },
      open: () => this.openRooms(),
      configuration: () => this.configuration(),
      serve: async (options) => {
        this.served.push(options);
        return 0;
      },
    });
    const code = await program.run(words);
    return { code, stdout: stdout.text, stderr: stderr.text };
  }

  /** Runs a command with --json and returns what it printed. Throws when it was refused. */
  async json<T = Record<string, unknown>>(words: string[], input: string | Buffer = ''): Promise<T> {
    const { code, stdout, stderr } = await this.run([...words, '--json'], input);
    if (code !== 0) throw new Error(`latchkey ${words.join(' ')} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** What a command with --json is refused with. Throws when it was not, or when it printed anything else. */
  async refusal(
    words: string[],
    input: string | Buffer = '',
  ): Promise<{ code: number; error: string; error_description: string }> {
    const { code, stdout, stderr } = await this.run([...words, '--json'], input);
    if (code === 0 || stdout !== '') throw new Error(`latchkey ${words.join(' ')} printed ${stdout}`);
    if (!/^[^\n]*\n$/.test(stderr)) throw new Error(`not one line: ${stderr}`);
    return { code, ...(JSON.parse(stderr) as { error: string; error_description: string }) };
  }

  /** The bytes of every file of the data directory. */
  files(): Buffer[] {
    return readdirSync(this.dataDir).map((name) => readFileSync(path.join(this.dataDir, name)));
  }

  close(): void {
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
