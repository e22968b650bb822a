import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../lib/main.ts', import.meta.url));

/** What a command printed with `--json`, or the refusal that it printed instead. */
export type OperatorAnswer =
  | { outcome: 'done'; json: unknown }
  | { outcome: 'refused'; error: string; description: string };

/** Runs a command of the operator's CLI. */
export type Operator = (words: string[], input?: string) => Promise<OperatorAnswer>;

/** The CLI, as an operator with these variables would use it. */
export function createOperator(environment: Record<string, string | undefined>): Operator {
  return async (words, input = '') => {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, ...words, '--json'],
      { env: { PATH: process.env.PATH, ...environment }, stdio: ['pipe', 'pipe', 'pipe'] },
    );
    // A command that refuses early does not read its input; its answer says why.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
    const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
    if (code === 0) return { outcome: 'done', json: JSON.parse(output) };
    return { outcome: 'refused', ...readRefusal(complaint) };
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
