import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
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

/** The status that a server answers with; 0 when it does not. */
const statusOf = (port: number, target: string): Promise<number> =>
  fetch(`http://127.0.0.1:${port}${target}`, { signal: AbortSignal.timeout(10_000) }).then(
    (answer) => answer.status,
    () => 0,
  );

/** Asks for what each is a line of the log, and for a stop. */
async function expectServiceAndStop({ child, ended, port }: Awaited<ReturnType<typeof start>>) {
  await eventually('it serves', async () => (await statusOf(port, '/jwks')) === 200, 60_000);
  for (let asked = 0; asked < 20; asked += 1) {
    expect(await statusOf(port, '/auth?client_id=nobody')).to.equal(400);
  }
  expect(await statusOf(port, '/')).to.equal(200);
  child.kill('SIGTERM');
  expect(await withDeadline('the stop', STOP_MILLISECONDS, ended)).to.deep.equal([0, null]);
}

/** A pipe with no room left: whoever has it open waits for `read`, unless told not to. */
function fullPipe() {
  const directory = mkdtempSync(path.join(tmpdir(), 'latchkey-pipe-'));
  const file = path.join(directory, 'pipe');
  execFileSync('mkfifo', [file]);
  const end = openSync(file, constants.O_RDWR | constants.O_NONBLOCK);
  const untilAgain = (work: () => void): void => {
    try {
      for (;;) work();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  };
  const filling = Buffer.alloc(4096, '\n');
  untilAgain(() => writeSync(end, filling));
  return {
    output: openSync(file, constants.O_WRONLY),
    read: (): string => {
      let text = '';
      const bytes = Buffer.alloc(65_536);
      untilAgain(() => {
        text += bytes.toString('utf8', 0, readSync(end, bytes));
      });
      return text;
    },
    remove: () => {
      closeSync(end);
      rmSync(directory, { recursive: true });
    },
  };
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
      const server = await start(output, workers);
      if (typeof output === 'number') closeSync(output);
      server.child.stdout?.destroy();
      server.child.stderr?.destroy();
      try {
        await expectServiceAndStop(server);
      } finally {
        server.child.kill('SIGKILL');
        await server.ended;
        server.stop();
      }
    });
  }

  for (const workers of ['1', '2']) {
    it(`in a pipe whose reader reads no more, by ${workers}: the same, and what is read later is whole lines`, async () => {
      const pipe = fullPipe();
      const server = await start(pipe.output, workers);
      closeSync(pipe.output);
      try {
        await eventually('it serves', async () => (await statusOf(server.port, '/jwks')) === 200, 60_000);
        let text = pipe.read();
        await eventually('what waited is read', () => {
          text += pipe.read();
          return text.includes('"listening"');
        });
        await expectServiceAndStop(server);
        text += pipe.read();
        const lines = text.split('\n').filter((line) => line.startsWith('{'));
        for (const line of lines) expect(JSON.parse(line), line).to.have.property('time');
        expect(text).to.contain('"stopping"');
      } finally {
        server.child.kill('SIGKILL');
        await server.ended;
        server.stop();
        pipe.remove();
      }
    });
  }
});
