import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';

const MODULE = new URL('../../lib/observability/unwaiting-write.ts', import.meta.url).href;

/** Writes until there is no room, while others who share the descriptor are started and end, and says on descriptor 3 what the last write came to. */
const PROGRAM = `
  import { spawnSync } from 'node:child_process';
  import { writeSync } from 'node:fs';
  const { unwaitingWrite } = await import(${JSON.stringify(MODULE)});
  const write = unwaitingWrite(1);
  let told = 'nothing';
  for (let count = 0; count < 10_000 && told === 'nothing'; count += 1) {
    if (count % 100 === 50) spawnSync(process.execPath, ['-e', 'process.stdout'], { stdio: 'inherit' });
    try {
      write(Buffer.alloc(1000, 10));
    } catch (error) {
      told = error.code;
    }
  }
  writeSync(3, told);
  process.exit();
`;

async function lastOutcome(output: number | 'pipe'): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', PROGRAM],
    {
      stdio: ['ignore', output, 'inherit', 'pipe'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    },
  );
  let told = '';
  child.stdio[3]?.on('data', (chunk) => {
    told += String(chunk);
  });
  await once(child, 'exit');
  child.stdout?.destroy();
  return told;
}

describe('a write to standard output that does not wait', function () {
  this.timeout(60_000);

  it('fails at once where a socket has no room, whoever shares it', async () => {
    expect(await lastOutcome('pipe')).to.equal('EAGAIN');
  });

  it('fails at once where a pipe has no room, whoever shares it', async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'latchkey-pipe-'));
    const file = path.join(directory, 'pipe');
    execFileSync('mkfifo', [file]);
    const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const output = openSync(file, constants.O_WRONLY);
    try {
      expect(await lastOutcome(output)).to.equal('EAGAIN');
    } finally {
      for (const descriptor of [reader, output]) closeSync(descriptor);
      rmSync(directory, { recursive: true });
    }
  });
});
