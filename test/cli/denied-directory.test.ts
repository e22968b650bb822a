import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { PROGRAM, runCommand } from '../flows/latchkey-process.ts';

/** Somebody without rights, for tests that run as the superuser. */
const NOBODY = { uid: 65_534, gid: 65_534 };

const ADVICE = 'run this as the user that the directory and all its files belong to';

describe('a data directory that the user of a command has no right to', function () {
  this.timeout(60_000);
  let dataDir: string;
  let folder: string;

  /** Runs a command as somebody else where that can be done. */
  const run = (words: string[]): Promise<{ code: number; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [...PROGRAM, ...words],
        {
          env: { LATCHKEY_ISSUER: 'http://localhost:9', LATCHKEY_PORT: '0', LATCHKEY_DATA_DIR: dataDir },
          ...(process.getuid?.() === 0 ? NOBODY : {}),
        },
        (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
  /** Takes the right to a file from its owner too, where the test runs as its owner. */
  const close = (name: string): void => chmodSync(path.join(dataDir, name), 0);

  beforeEach(async () => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-denied-'));
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-denied-'));
    chmodSync(folder, 0o777);
    expect((await runCommand({ LATCHKEY_DATA_DIR: dataDir }, ['keys', 'list'])).code).to.equal(0);
  });
  afterEach(() => {
    chmodSync(dataDir, 0o700);
    for (const directory of [dataDir, folder]) rmSync(directory, { recursive: true, force: true });
  });

  it('is not taken for one without a database', async () => {
    close('.');
    const { code, stderr } = await run(['backup', '--to', path.join(folder, 'backup.db')]);
    expect({ code, stderr }).to.deep.equal({
      code: 2,
      stderr: `latchkey: data_dir (LATCHKEY_DATA_DIR): ${dataDir} cannot be used (EACCES: permission denied, stat '${dataDir}/latchkey.db'); ${ADVICE}\n`,
    });
  });

  it('is what doctor tells, and advises', async () => {
    close('.');
    const { code, stdout } = await run(['doctor', '--json']);
    expect(code).to.equal(1);
    const findings = JSON.parse(stdout).findings as { check: string; status: string; advice: string }[];
    const problems = findings.filter(({ status }) => status === 'problem');
    expect(problems.map(({ check }) => check)).to.include.members(['sqlite', 'encryption_key']);
    for (const { check, advice } of problems) {
      expect(advice, check).to.equal(ADVICE);
    }
  });

  for (const name of ['latchkey.db', 'latchkey.lock']) {
    it(`is told by the file, where that is ${name} alone`, async () => {
      chmodSync(dataDir, 0o777);
      for (const each of readdirSync(dataDir)) chmodSync(path.join(dataDir, each), 0o666);
      close(name);
      for (const words of [['backup', '--to', path.join(folder, 'backup.db')], ['doctor']]) {
        const { stdout, stderr } = await run(words);
        expect(stdout + stderr, words[0])
          .to.contain(path.join(dataDir, name))
          .and.contain(ADVICE);
        expect(stdout + stderr).to.not.contain('restore a backup');
      }
    });
  }
});
