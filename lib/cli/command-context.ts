import { ConfigurationError } from '../../config/configuration-error.ts';
import { AccountsUnavailable } from '../accounts/account-adapter.ts';
import { DatabaseUnavailable } from '../database/database-unavailable.ts';
import { StorageUnavailable } from '../grants/storage.ts';
import { RedisUnavailable } from '../redis/redis-unavailable.ts';
import type { CommandResult } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { escapedJson, printable } from './table.ts';
import type { Terminal } from './terminal.ts';

/** Exit codes, the same for every command. */
export const EXIT = {
  done: 0,
  /** Nothing was changed: not found, in conflict, invalid. */
  refused: 1,
  /** The command line, the configuration or the data directory is at fault. */
  misused: 2,
  /** A store stopped answering in the middle: what was asked may be done, in part, or not; asking again is safe. */
  unavailable: 3,
} as const;

/** What a room throws when something that it needs does not answer now. */
const UNAVAILABLE = [AccountsUnavailable, DatabaseUnavailable, RedisUnavailable, StorageUnavailable];

const COMPLAINTS: Record<number, string> = {
  [EXIT.misused]: 'not_usable',
  [EXIT.unavailable]: 'unavailable',
};

/** Runs what commands do and says how it ended: results on standard output, errors in one line on standard error. */
export class CommandContext {
  readonly terminal: Terminal;
  readonly #open: () => Promise<OperatorRooms>;
  exitCode: number = EXIT.done;

  constructor(terminal: Terminal, open: () => Promise<OperatorRooms>) {
    this.terminal = terminal;
    this.#open = open;
  }

  /** Runs a command that needs no rooms. */
  async run(options: { json?: boolean }, work: () => Promise<CommandResult> | CommandResult): Promise<void> {
    try {
      await this.#report(await work(), options.json === true);
    } catch (error) {
      const isUnavailable = UNAVAILABLE.some((kind) => error instanceof kind);
      this.fail(error, options.json === true, isUnavailable ? EXIT.unavailable : EXIT.refused);
    }
  }

  /** Opens the rooms, runs a command on them and closes them again; not when `before` answers something. */
  async runInRooms(
    options: { json?: boolean },
    work: (rooms: OperatorRooms) => Promise<CommandResult>,
    before?: () => Promise<CommandResult | undefined>,
  ): Promise<void> {
    let rooms: OperatorRooms;
    try {
      const answer = await before?.();
      if (answer !== undefined) {
        await this.#report(answer, options.json === true);
        return;
      }
      rooms = await this.#open();
    } catch (error) {
      this.fail(error, options.json === true, EXIT.misused);
      return;
    }
    try {
      await this.run(options, () => work(rooms));
    } finally {
      await rooms.close();
    }
  }

  /** Tells of a thrown error: one line (one for each problem of a configuration), never a stack. */
  fail(error: unknown, json: boolean, exitCode: number): void {
    if (error instanceof ConfigurationError) {
      this.exitCode = EXIT.misused;
      const description = error.problems.join('; ');
      if (json) this.#complain('invalid_configuration', description, json, { problems: error.problems });
      else for (const problem of error.problems) this.#complain('', problem, json);
      return;
    }
    this.exitCode = exitCode;
    const message = error instanceof Error ? error.message : String(error);
    this.#complain(COMPLAINTS[exitCode] ?? 'failed', message, json);
  }

  /** Tells of a command line that makes no sense. */
  misuse(description: string, json: boolean): void {
    this.exitCode = EXIT.misused;
    this.#complain('usage', description, json);
  }

  async #report(result: CommandResult, json: boolean): Promise<void> {
    if (result.outcome === 'done') {
      if (result.healthy === false) this.exitCode = EXIT.refused;
      await this.#print(json ? escapedJson(result.json) : result.text.split('\n').map(printable).join('\n'));
      return;
    }
    this.exitCode = result.outcome === 'refused' ? EXIT.refused : EXIT.misused;
    this.#complain(result.error, result.description, json);
  }

  /** A reader that stopped reading has what it wants; a full disk has lost the answer, perhaps a secret shown once. */
  async #print(text: string): Promise<void> {
    const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
      this.terminal.stdout.write(text === '' ? '' : `${text}\n`, resolve),
    );
    if (error && error.code !== 'EPIPE') {
      throw new Error(`it was done, but standard output cannot be written (${error.code})`);
    }
  }

  #complain(error: string, description: string, json: boolean, more: object = {}): void {
    const line = printable(description.replace(/\s*[\r\n]+\s*/g, ' '));
    this.terminal.stderr.write(
      json ? `${escapedJson({ error, error_description: line, ...more }, 0)}\n` : `latchkey: ${line}\n`,
    );
  }
}
