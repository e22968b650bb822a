import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { withDeadline } from './deadline.ts';
import { eventually, freePort, PROGRAM } from './latchkey-process.ts';

/** More than anybody's stop takes (ms). */
const STOP_MILLISECONDS = 60_000;

/** Starts a server whose standard output is `output`. */
async function start(output: number | 'pipe', workers: string) {
  const port = await freePort();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-log-'));
  const child: ChildProcess = spawn(process.execPath, [...PROGRAM, 'serve'], {
    env: {
      PATH: process.env.PATH ?? '',
      LATCHKEY_ISSUER: `http://localhost:${port}`,
      LATCHKEY_PORT: String(port),
      LATCHKEY_MANAGEMENT_PORT: '0',
      LATCHKEY_DATA_DIR: dataDir,
      LATCHKEY_WORKERS: workers,
      LATCHKEY_LOG_LEVEL: 'debug',
    },
    // What goes wrong is said there, where nobody reads it either.
    stdio: ['ignore', output, output],
  });
  const ended = once(child, 'exit') as Promise<[code: number | null, signal: string | null]>;
  return { child, ended, port, stop: () => rmSync(dataDir, { recursive: true }) };
}

describe('a log that cannot be written', function () {
  this.timeout(120_000);
  const full = () => openSync('/dev/full', 'w');

  for (const [what, workers, open] of [
    ['on a full disk', '1', full],
    ['on a full disk, with two workers', '2', full],
    ['for nobody who reads', '1', () => 'pipe' as const],
  ] as const) {
    it(`${what}: requests are answered, and a stop is a stop`, async () => {
      const output = open();
      const { child, ended, port, stop } = await start(output, workers);
      if (typeof output === 'number') closeSync(output);
      child.stdout?.destroy();
      child.stderr?.destroy();
      try {
        const status = (target: string): Promise<number> =>
          fetch(`http://127.0.0.1:${port}${target}`, { signal: AbortSignal.timeout(10_000) }).then(
            (answer) => answer.status,
            () => 0,
          );
        await eventually('it serves', async () => (await status('/jwks')) === 200, 60_000);
        // Each is a line of the log.
        for (let asked = 0; asked < 20; asked += 1) {
          expect(await status('/auth?client_id=nobody')).to.equal(400);
        }
        expect(await status('/')).to.equal(200);
        child.kill('SIGTERM');
        expect(await withDeadline('the stop', STOP_MILLISECONDS, ended)).to.deep.equal([0, null]);
      } finally {
        child.kill('SIGKILL');
        await ended;
        stop();
      }
    });
  }
});
