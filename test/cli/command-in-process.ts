import { Readable, Writable } from 'node:stream';
import type { Configuration } from '../../config/configuration.ts';
import { createProgram } from '../../lib/cli/program.ts';
import type { Rooms } from '../../lib/rooms.ts';

/** What a command printed, and how it ended. */
export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a command runs on. */
export interface CommandHost {
  configuration(): Configuration;
  /** The rooms as a command opens them; it closes them. */
  open(): Promise<Rooms>;
  serve?(options: { quiet: boolean }): Promise<number>;
}

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

/**
 * Runs one command line in this process, with streams of its own: what it does to a data directory is the same, and it costs
 * a twentieth of a process. `refusal` is what writing to standard output fails with.
 */
export async function commandInProcess(
  host: CommandHost,
  words: string[],
  input: string | Buffer = '',
  refusal?: NodeJS.ErrnoException,
): Promise<CommandResult> {
  const stdout = new Sink(refusal);
  const stderr = new Sink();
  const program = createProgram({
    version: '1.2.3',
    terminal: { stdin: Readable.from([Buffer.from(input)]), stdout, stderr },
    open: () => host.open(),
    configuration: () => host.configuration(),
    serve: host.serve ?? (() => Promise.reject(new Error('a server is a process of its own'))),
  });
  const code = await program.run(words);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** What a command that was run with --json printed. Throws when it was refused. */
export function printedJson<T>(words: string[], { code, stdout, stderr }: CommandResult): T {
  if (code !== 0) throw new Error(`latchkey ${words.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
