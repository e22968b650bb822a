/**
 * What `npm run check` runs: everything about the sources that can be judged without running the product. All checks run,
 * also after one has failed; the last line counts them, and the exit status is 1 when any failed.
 */
import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('..', import.meta.url));
const binaries = join(project, 'node_modules/.bin');

const checks: readonly [name: string, command: string, ...options: string[]][] = [
  ['types', 'tsc', '--noEmit'],
  // Not Markdown: aligning a table anew for each long cell would hide what changed in it.
  ['format and lint', 'biome', 'check', '--diagnostic-level=error', '--md-formatter-enabled=false'],
  ['promises', 'oxlint', '--deny-warnings'],
  ['dead code', 'knip', '--no-progress'],
  ['architecture', 'mocha', '--reporter', 'dot', 'test/house/architecture.test.ts'],
];

let failed = 0;
for (const [name, command, ...options] of checks) {
  const { status, stdout, stderr, error } = spawnSync(join(binaries, command), options, {
    cwd: project,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    // The pinned Node first: the tools are scripts that look `node` up.
    env: { ...process.env, PATH: `${binaries}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) {
    failed += 1;
    process.stdout.write(`${stdout ?? ''}${stderr ?? ''}${error ? `${error.message}\n` : ''}`);
  }
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
}
console.log(`${checks.length - failed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
