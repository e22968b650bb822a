import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';

const project = fileURLToPath(new URL('../..', import.meta.url));

describe('the run of continuous integration', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-ci-'));
    mkdirSync(join(directory, '.ci'));
    mkdirSync(join(directory, 'bin'));
    cpSync(join(project, '.ci/run'), join(directory, '.ci/run'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  /** Runs it with an npm that does what the three shell lines say. */
  function run(
    install: string,
    test: string,
    check: string,
  ): { status: number | null; lastLine: string | undefined } {
    const npm = `#!/bin/sh\ncase "$*" in\n  ci) ${install} ;;\n  test) ${test} ;;\n  "run check") ${check} ;;\n  *) exit 99 ;;\nesac\n`;
    writeFileSync(join(directory, 'bin/npm'), npm, { mode: 0o755 });
    const { status, stdout } = spawnSync(join(directory, '.ci/run'), {
      encoding: 'utf8',
      env: { PATH: `${join(directory, 'bin')}${delimiter}${process.env.PATH}`, CHROMIUM_PATH: '/bin/true' },
    });
    return { status, lastLine: stdout.trimEnd().split('\n').at(-1) };
  }

  const goodTest = "printf '  ok it says 3 failing things\\n\\n  120 passing (3s)\\n'";
  const goodCheck = "echo '5 checks passed, 0 failed'";

  it('adds tests and checks up in its last line', () => {
    expect(run('true', goodTest, goodCheck)).to.deep.equal({ status: 0, lastLine: '125 passed, 0 failed' });
  });

  it('counts failing tests and failing checks', () => {
    const test = "printf '  118 passing (3s)\\n  2 failing\\n'; exit 2";
    const check = "echo '4 checks passed, 1 failed'; exit 1";
    expect(run('true', test, check)).to.deep.equal({ status: 1, lastLine: '122 passed, 3 failed' });
  });

  it('counts a test run that stopped before its summary as a failure', () => {
    expect(run('true', 'exit 7', goodCheck)).to.deep.equal({ status: 1, lastLine: '5 passed, 1 failed' });
  });

  it('counts a test run that found no test as a failure', () => {
    expect(run('true', "echo '  0 passing (1ms)'", goodCheck)).to.deep.equal({
      status: 1,
      lastLine: '5 passed, 1 failed',
    });
  });

  it('counts a check that did not run as a failure', () => {
    expect(run('true', goodTest, 'exit 1')).to.deep.equal({ status: 1, lastLine: '120 passed, 1 failed' });
  });

  it('stops when the packages cannot be installed', () => {
    expect(run('exit 1', goodTest, goodCheck)).to.deep.equal({ status: 1, lastLine: '0 passed, 1 failed' });
  });
});
