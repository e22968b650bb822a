import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const project = fileURLToPath(new URL('../..', import.meta.url));

describe('the check for promises that nobody waits for', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-promises-'));
    writeFileSync(join(directory, 'tsconfig.json'), '{ "compilerOptions": { "strict": true } }');
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function lint(statement: string): { status: number | null; output: string } {
    const source = `async function work(): Promise<void> {}\nexport async function start(): Promise<void> {\n  ${statement}\n}\n`;
    writeFileSync(join(directory, 'planted.ts'), source);
    const options = ['--config', join(project, '.oxlintrc.json'), '--deny-warnings', directory];
    const { status, stdout, stderr } = spawnSync(join(project, 'node_modules/.bin/oxlint'), options, {
      cwd: project,
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  }

  it('catches a call whose promise is dropped', () => {
    const { status, output } = lint('work();');
    expect(status).to.equal(1);
    expect(output).to.contain('no-floating-promises');
  });

  it('catches a promise that is taken for a condition', () => {
    const { status, output } = lint('if (work()) await work();');
    expect(status).to.equal(1);
    expect(output).to.contain('no-misused-promises');
  });

  it('accepts a promise that is awaited', () => {
    const { status, output } = lint('await work();');
    expect(status, output).to.equal(0);
    expect(output).to.contain('on 1 file');
  });
});
