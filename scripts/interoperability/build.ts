import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Program, Tool } from './programs.ts';

const SOURCES = fileURLToPath(new URL('../../test/interoperability', import.meta.url));
const KEPT_OUTPUT = 4000;

interface Finished {
  code: number | null;
  output: string;
}

/** Runs a command to its end; rejects when there is no such program. */
function finish([command = '', ...words]: string[], cwd: string): Promise<Finished> {
  // Toolchains find their caches and registries by the environment.
  const child = spawn(command, words, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

/** Those that this machine lacks. */
async function missingTools(tools: readonly Tool[], folder: string): Promise<Tool[]> {
  const there = await Promise.all(
    tools.map(({ command, probe }) =>
      finish([command, ...probe], folder).then(
        ({ code }) => code === 0,
        () => false,
      ),
    ),
  );
  return tools.filter((_tool, index) => !there[index]);
}

/**
 * Builds a program in `folder`, which is made or used again, from its sources in `sources`. Throws with what to install, or with the end of
 * what the failed command wrote.
 */
export async function build(program: Program, folder: string, sources = SOURCES): Promise<void> {
  cpSync(path.join(sources, program.name), folder, { recursive: true });
  const missing = await missingTools(program.tools, folder);
  if (missing.length > 0) {
    throw new Error(
      missing.map(({ command, install }) => `${command} is missing: install ${install}`).join('; '),
    );
  }
  for (const command of program.build) {
    const { code, output } = await finish(command, folder);
    if (code !== 0) throw new Error(`${command.join(' ')} ended with ${code}:\n${output.trimEnd()}`);
  }
}
