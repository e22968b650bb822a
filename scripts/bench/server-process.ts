/** A server under measurement as a process of its own: start it, wait until it answers, stop it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpConnection } from './http-connection.ts';

export interface ServerCommand {
  /** What Node is given: its own flags, the program, the program's arguments. */
  nodeArguments: string[];
  environment: Record<string, string>;
  /** Where its output goes. */
  logFile: string;
  port: number;
  /** Answered with 200 once the server is up. */
  readyPath: string;
  hostHeader: string;
}

export interface ServerProcess {
  pid: number;
  /** A store's process of its own, whose processor time is told apart. */
  storePid?: number;
  /** From the spawn to the end of the first good answer. */
  startMilliseconds: number;
  stop(): Promise<void>;
}

const startTimeout = 30_000;
const stopTimeout = 10_000;

/** Ports of loopback that are free now. */
export async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer();
      await new Promise<void>((resolve, reject) => {
        listener.once('error', reject).listen(0, '127.0.0.1', resolve);
      });
      return listener;
    }),
  );
  return Promise.all(
    listeners.map(async (listener) => {
      const address = listener.address();
      if (address === null || typeof address === 'string') {
        throw new Error('no port');
      }
      await new Promise((resolve) => listener.close(resolve));
      return address.port;
    }),
  );
}

/** Starts the server and resolves at its first good answer; throws with its output when it ends or stays silent. */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const output = openSync(command.logFile, 'a');
  const started = performance.now();
  const child = spawn(process.execPath, command.nodeArguments, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...command.environment },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  while (!(await answers(command))) {
    if (child.exitCode !== null || performance.now() - started > startTimeout) {
      child.kill('SIGKILL');
      throw new Error(
        `the server did not come up: node ${command.nodeArguments.join(' ')}\n${readFileSync(command.logFile, 'utf8')}`,
      );
    }
    await sleep(2);
  }
  return {
    pid: child.pid ?? 0,
    startMilliseconds: performance.now() - started,
    stop: () => stop(child),
  };
}

async function answers(command: ServerCommand): Promise<boolean> {
  const connection = new HttpConnection({ port: command.port, hostHeader: command.hostHeader });
  try {
    const { status } = await connection.request({ method: 'GET', path: command.readyPath });
    return status === 200;
  } catch {
    return false;
  } finally {
    connection.close();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) {
    return;
  }
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeout);
  await ended;
  clearTimeout(timer);
}
