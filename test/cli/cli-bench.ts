import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Configuration } from '../../config/configuration.ts';
import { loadConfiguration } from '../../config/load.ts';
import { createLog } from '../../lib/observability/log.ts';
import { openRooms, type Rooms } from '../../lib/rooms.ts';
import { type CommandResult, commandInProcess, printedJson } from './command-in-process.ts';

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
    return commandInProcess(
      {
        open: () => this.openRooms(),
        configuration: () => this.configuration(),
        serve: async (options) => {
          this.served.push(options);
          return 0;
        },
      },
      words,
      input,
      refusal,
    );
  }

  /** Runs a command with --json and returns what it printed. Throws when it was refused. */
  async json<T = Record<string, unknown>>(words: string[], input: string | Buffer = ''): Promise<T> {
    return printedJson(words, await this.run([...words, '--json'], input));
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
