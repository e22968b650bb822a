/** A Redis server of a contender's own, as an operator would run it: append-only file, synced every second, nothing evicted. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './server-process.ts';

export interface RedisProcess {
  pid: number;
  url: string;
  stop(): Promise<void>;
}

const startTimeout = 10_000;

/** Starts one that keeps its files in `folder`. Throws with the command that installs Redis when it cannot be run. */
export async function startRedis(folder: string): Promise<RedisProcess> {
  mkdirSync(folder, { recursive: true });
  const [port = 0] = await freePorts(1);
  const settings = {
    port,
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  const child = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    { stdio: 'ignore' },
  );
  const failed = new Promise<never>((_resolve, reject) => {
    child.once('error', (cause) =>
      reject(new Error('redis-server cannot be run; install it: apt-get install redis-server', { cause })),
    );
    child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
  });
  failed.catch(() => undefined);
  const deadline = performance.now() + startTimeout;
  while (!(await Promise.race([accepts(port), failed]))) {
    if (performance.now() > deadline) throw new Error('redis-server does not accept connections');
    await sleep(10);
  }
  return {
    pid: child.pid ?? 0,
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
