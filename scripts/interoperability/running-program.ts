import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MILLISECONDS = 180_000;
const KEPT_OUTPUT = 4000;

export interface RunningProgram {
  origin: string;
  /** What it wrote last. */
  output(): string;
  stop(): Promise<void>;
}

/**
 * Starts an application in its folder and waits until it answers at `origin`; it is given what `environment` names and no
 * more of ours than where programs are. Throws with what it wrote when it ends or takes longer than three minutes.
 */
export async function startProgram(
  [command = '', ...words]: string[],
  folder: string,
  environment: { ORIGIN: string } & Record<string, string>,
): Promise<RunningProgram> {
  const { PATH = '', HOME = '', JAVA_HOME } = process.env;
  const child = spawn(command, words, {
    cwd: folder,
    env: { PATH, HOME, ...(JAVA_HOME === undefined ? {} : { JAVA_HOME }), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      output += error.message;
      over = true;
      resolve();
    });
    child.on('close', () => {
      over = true;
      resolve();
    });
  });
  const stop = async () => {
    if (!over) child.kill('SIGKILL');
    await ended;
    process.off('exit', kill);
  };
  const origin = environment.ORIGIN;
  const deadline = Date.now() + START_MILLISECONDS;
  while (!(await answers(origin))) {
    if (over || Date.now() > deadline) {
      await stop();
      throw new Error(`${command} did not become ready:\n${output.trimEnd()}`);
    }
    await sleep(50);
  }
  return { origin, output: () => output, stop };
}

function answers(origin: string): Promise<boolean> {
  return fetch(new URL('/signed-out', origin), { redirect: 'manual' }).then(
    async (response) => {
      await response.body?.cancel();
      return true;
    },
    () => false,
  );
}
