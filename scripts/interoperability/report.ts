import type { StepResult } from './usual-flow.ts';

export interface ProgramResult {
  library: string;
  steps: StepResult[];
}

/** One line for each step, below it why it failed, and at the end how many did. */
export function formatTable(results: readonly ProgramResult[]): string {
  const rows = results.flatMap(({ library, steps }) => steps.map((step) => ({ library, ...step })));
  const width = (cells: string[]) => Math.max(...cells.map((cell) => cell.length));
  const [first, second] = [width(rows.map(({ library }) => library)), width(rows.map(({ step }) => step))];
  const lines = rows.map(({ library, step, problem }) => {
    const line = `${library.padEnd(first)}  ${step.padEnd(second)}  ${problem === undefined ? 'ok' : 'FAILED'}`;
    return problem === undefined ? line : `${line}\n${problem.replaceAll(/^/gm, '    ')}`;
  });
  const failed = rows.filter(({ problem }) => problem !== undefined).length;
  return [...lines, '', `${rows.length - failed} passed, ${failed} failed`].join('\n');
}
