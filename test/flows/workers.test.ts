import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { eventually, freePort, LatchkeyProcess, PROGRAM, runCommand } from './latchkey-process.ts';
import { isAlive, listeningPids, logOf } from './server-log.ts';

const FOREIGN_PRIMARY = fileURLToPath(new URL('../processes/foreign-primary.ts', import.meta.url));

describe('several workers', () => {
  let latchkey: LatchkeyProcess;
  let management: string;

  before(async () => {
    const port = await freePort();
    management = `http://127.0.0.1:${port}`;
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: '4',
      LATCHKEY_MANAGEMENT_PORT: String(port),
    });
    await fourListen();
  });
  after(() => latchkey.stop());

  const living = (): number[] => [...new Set(listeningPids(latchkey))].filter(isAlive);
  const fourListen = (): Promise<void> => eventually('four workers listen', () => living().length === 4);

  const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
  const isServing = async (): Promise<boolean> =>
    (await statusOf(`${latchkey.issuer}/.well-known/openid-configuration`)) === 200;

  it('are four processes beside the primary, which serve together what one of them was told', async () => {
    const workers = new Set(living());
    expect(workers.size).to.equal(4);
    expect(workers.has(latchkey.pid)).to.equal(false);
    for (const pid of workers) expect(isAlive(pid)).to.equal(true);
    expect(latchkey.output.match(/Latchkey is ready/g)).to.have.length(1);
    const { client_id: id, client_secret: secret } = await latchkey.createClient({
      grant_types: ['client_credentials'],
    });
    const ask = async (): Promise<number> => {
      const response = await fetch(`${latchkey.issuer}/token`, {
        method: 'POST',
        // A connection of its own, so that the primary hands it to the next worker.
        headers: { Authorization: `Basic ${btoa(`${id}:${secret}`)}`, Connection: 'close' },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
      return response.status;
    };
    expect(await Promise.all(Array.from({ length: 12 }, ask))).to.deep.equal(Array(12).fill(200));
  });

  it('are watched on the management port, which answers its questions and nothing else', async () => {
    expect(await statusOf(`${management}/healthz`)).to.equal(200);
    expect(await statusOf(`${management}/readyz`)).to.equal(200);
    expect(await statusOf(`${management}/metrics`)).to.equal(200);
    for (const path of ['/', '/healthz/', '/.well-known/openid-configuration', '/jwks', '/token', '/admin']) {
      expect(await statusOf(`${management}${path}`), path).to.equal(404);
    }
    expect(await statusOf(`${latchkey.issuer}/healthz`)).to.equal(404);
    expect(await statusOf(`${latchkey.issuer}/readyz`)).to.equal(404);
    expect(await statusOf(`${latchkey.issuer}/metrics`)).to.equal(404);
  });

  it('are started again when one is killed, and the service goes on', async () => {
    const before = living();
    const victim = before[0] as number;
    process.kill(victim, 'SIGKILL');
    await eventually('its end is in the log', () =>
      logOf(latchkey).some(({ msg, worker }) => worker === victim && msg.includes('is started again')),
    );
    for (let count = 0; count < 8; count += 1) expect(await isServing()).to.equal(true);
    await fourListen();
    expect(living()).to.include.members(before.slice(1)).and.not.include(victim);
    expect(await isServing()).to.equal(true);
  });

  it('all end at SIGTERM, with exit code 0 and no process left', async () => {
    const workers = living();
    const primary = latchkey.pid;
    const { length } = latchkey.output;
    expect(await latchkey.terminate()).to.equal(0);
    await eventually('all processes are gone', () => ![primary, ...workers].some(isAlive));
    expect(latchkey.output.slice(length)).not.to.contain('ended by itself');
    expect(latchkey.output).not.to.contain('    at ');
  });

  it('end by themselves when the primary was killed', async () => {
    await latchkey.launch();
    await fourListen();
    const workers = living();
    await latchkey.crash();
    await eventually('the workers are gone', () => !workers.some(isAlive));
    expect(latchkey.output).not.to.contain('    at ');
    const closed = await fetch(`${latchkey.issuer}/jwks`).catch(() => 'refused');
    expect(closed).to.equal('refused');
  });

  it('do not start at all on a port that is taken: one line, no second try', async () => {
    const taken = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
    try {
      const environment = {
        ...latchkey.environment,
        LATCHKEY_PORT: String(port),
        LATCHKEY_MANAGEMENT_PORT: '0',
      };
      const { code, stderr } = await runCommand(environment, ['serve']);
      expect(code).to.equal(2);
      expect(stderr).to.equal(
        `latchkey: port (LATCHKEY_PORT): 127.0.0.1:${port} is in use by another program: end that one, or choose another port (in issuer too, if that names it)\n`,
      );
    } finally {
      taken.close();
    }
  });
});

describe('a process that another program’s primary has started', () => {
  it('reads its configuration, is watched and hears signals by itself', async () => {
    const [port, managementPort] = [await freePort(), await freePort()];
    const dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-test-'));
    const issuer = `http://localhost:${port}`;
    const [program, ...words] = PROGRAM.slice(-1).concat('serve');
    const child = spawn(
      process.execPath,
      [...PROGRAM.slice(0, -1), FOREIGN_PRIMARY, String(program), ...words],
      {
        env: {
          PATH: process.env.PATH ?? '',
          LATCHKEY_ISSUER: issuer,
          LATCHKEY_PORT: String(port),
          LATCHKEY_MANAGEMENT_PORT: String(managementPort),
          LATCHKEY_WORKERS: '2',
          LATCHKEY_DATA_DIR: dataDir,
        },
        stdio: ['ignore', 'pipe', 'ignore'],
      },
    );
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = once(child, 'exit');
    try {
      await eventually(
        'it answers',
        async () => (await fetch(`${issuer}/jwks`).catch(() => undefined))?.ok === true,
      );
      for (const path of ['healthz', 'readyz', 'metrics']) {
        expect((await fetch(`http://127.0.0.1:${managementPort}/${path}`)).status, path).to.equal(200);
      }
      expect(log).to.contain('workers is not followed');
      child.kill('SIGHUP');
      await eventually('it has heard', () => log.includes('the TLS certificate is read again'));
    } finally {
      child.kill('SIGTERM');
      await ended;
      rmSync(dataDir, { recursive: true });
    }
  });
});
