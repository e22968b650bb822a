import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const project = fileURLToPath(new URL('../..', import.meta.url));
const endWithParent = new URL('end-with-parent.ts', import.meta.url).href;
/** Where this process keeps compiled code, if it does: whatever it starts finds what was compiled before. */
const compileCache = getCompileCacheDir();
const START_MILLISECONDS = 30_000;
const STOP_MILLISECONDS = 5000;
const KEPT_OUTPUT = 4000;

/** A program that the demo started. */
export interface DemoProcess {
  name: string;
  /** Settles when the program ends, whoever ended it. */
  ended: Promise<void>;
  /** What it wrote last. */
  lastOutput(): string;
  /** Asks it to end, and kills it if it does not within five seconds. */
  stop(): Promise<void>;
}

/** How to start a program of this project and see that it is ready. */
export interface DemoProgram {
  name: string;
  /** Its file, from the project's top, and its arguments. */
  command: string[];
  environment: Record<string, string | undefined>;
  /** Its output is copied to this file. */
  logFile: string;
  /** What it writes when it can be talked to. */
  readyWords: string;
}

/**
 * Starts a program; `ready` settles when it is, and rejects when it ends before that or takes longer than 30 seconds.
 */
export function startProcess(program: DemoProgram): { process: DemoProcess; ready: Promise<void> } {
  const { name, command, environment, readyWords } = program;
  const log = createWriteStream(program.logFile, { mode: 0o600 });
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', endWithParent, ...command],
    {
      cwd: project,
      env: {
        PATH: process.env.PATH,
        ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(compileCache) }),
        ...environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A group of its own: Ctrl-C reaches the demo alone, which then stops its programs in order.
      detached: true,
    },
  );
  child.stdin.on('error', () => {});
  let output = '';
  let over = false;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const { promise: ready, resolve: isReady, reject: isNotReady } = Promise.withResolvers<void>();
  const timer = setTimeout(() => isNotReady(failure('did not become ready')), START_MILLISECONDS);

  function failure(what: string): Error {
    return new Error(
      `the ${name} ${what}${output === '' ? '' : `; it wrote last:\n\n${output.trimEnd()}\n`}`,
    );
  }
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-KEPT_OUTPUT);
      log.write(chunk);
      if (output.includes(readyWords)) isReady();
    });
  }
  child.on('error', (error) => {
    output += error.message;
  });
  child.on('close', () => {
    over = true;
    clearTimeout(timer);
    log.end();
    isNotReady(failure('ended while starting'));
    end();
  });
  // Whoever waits for it hears of it; a demo that is being stopped does not.
  ready.then(
    () => clearTimeout(timer),
    () => clearTimeout(timer),
  );

  async function stop(): Promise<void> {
    if (!over) child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), STOP_MILLISECONDS);
    await ended;
    clearTimeout(patience);
  }

  return { process: { name, ended, lastOutput: () => output, stop }, ready };
}
