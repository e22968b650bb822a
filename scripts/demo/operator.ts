import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { loadConfiguration } from '../../config/load.ts';
import { createProgram } from '../../lib/cli/program.ts';
import { createLog } from '../../lib/observability/log.ts';

/** What a command printed with `--json`, or the refusal that it printed instead. */
export type OperatorAnswer =
  | { outcome: 'done'; json: unknown }
  | { outcome: 'refused'; error: string; description: string };

/** Runs a command of the operator's CLI. */
export type Operator = (words: string[], input?: string) => Promise<OperatorAnswer>;

/**
 * The CLI, as an operator with these variables would use it, in this process: each command as a process of its own would take
 * longer to start than everything else that is started here. They go one after another: one that waits for the lock of the database
 * lets nothing else run in the process, and so not the one that holds it either.
 */
export function createOperator(environment: Record<string, string | undefined>): Operator {
  const configuration = () => loadConfiguration({ environment });
  const open = async () => {
    const { openRooms } = await import('../../lib/rooms.ts');
    return openRooms(configuration(), createLog('silent'));
  };
  const run: Operator = async (words, input = '') => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const program = createProgram({
      configuration,
      open,
      serve: () => Promise.reject(new Error('a server is a process of its own')),
      terminal: { stdin: Readable.from([Buffer.from(input)]), stdout, stderr },
    });
    const printed = Promise.all([text(stdout), text(stderr)]);
    const code = await program.run([...words, '--json']);
    stdout.end();
    stderr.end();
    const [output, complaint] = await printed;
    if (code === 0) return { outcome: 'done', json: JSON.parse(output) };
    return { outcome: 'refused', ...readRefusal(complaint) };
  };
  let last: Promise<unknown> = Promise.resolve();
  return (words, input) => {
    const command = last.then(() => run(words, input));
    last = command.catch(() => undefined);
    return command;
  };
}

function readRefusal(complaint: string): { error: string; description: string } {
  const line = complaint.trim().split('\n').at(-1) ?? '';
  try {
    const { error, error_description } = JSON.parse(line) as { error?: string; error_description?: string };
    return { error: error ?? 'failed', description: error_description ?? line };
  } catch {
    return { error: 'failed', description: complaint.trim() };
  }
}
