import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer } from './redis-servers.ts';

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('servers of the tests', () => {
  it('end with the tests that started them, though those were killed, and though they are paused', async () => {
    const file = fileURLToPath(new URL('./start-and-wait.ts', import.meta.url));
    const tests = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    tests.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await eventually('the server is started', () => output.endsWith('\n'));
    const [pid, port, folder = ''] = output.trim().split(' ');
    expect([await listens(Number(port)), existsSync(folder)]).to.deep.equal([true, true]);
    process.kill(Number(pid), 'SIGSTOP');
    tests.kill('SIGKILL');
    await eventually('nothing is left', async () => !existsSync(folder) && !(await listens(Number(port))));
  });

  it('come back on the same port with the same data', async () => {
    const server = await RedisServer.start({ appendOnly: true });
    await server.command('SET', 'kept', 'yes');
    await server.kill();
    expect(await server.answers()).to.equal(false);
    await server.restart();
    expect(await server.command('GET', 'kept')).to.equal('yes');
    await server.remove();
    expect(existsSync(server.folder)).to.equal(false);
  });
});
