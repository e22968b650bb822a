/** The parent's side of the load generator: one round of load on one server, and what it cost the server. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answer, Command, LoadResult } from './load-generator.ts';
import type { OperationName } from './operations.ts';
import { processorNanoseconds, processTree } from './processor-time.ts';
import type { Target } from './target.ts';

export interface Round extends LoadResult {
  /** Microseconds of processor time, user and system, of all the server's processes, for one operation. */
  microseconds: number;
  /** The same of a store that is a process of its own. */
  storeMicroseconds?: number;
  /** Processors that the server kept busy during the round. */
  busy: number;
}

export interface RoundOptions {
  operation: OperationName;
  target: Target;
  pid: number;
  storePid?: number | undefined;
  connections: number;
  seconds: number;
}

export class Load {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'load-generator.ts'), {
      execPath: process.execPath,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      serialization: 'advanced',
    });
  }

  /** Prepares, then loads the server for `seconds`. Throws on the first wrong answer. */
  async round(options: RoundOptions): Promise<Round> {
    const { operation, target, connections, seconds, pid, storePid } = options;
    await this.#ask({ type: 'prepare', operation, target, connections });
    const pids = processTree(pid);
    const storePids = storePid === undefined ? [] : [storePid];
    const before = processorNanoseconds(pids);
    const storeBefore = processorNanoseconds(storePids);
    const answer = await this.#ask({ type: 'go', seconds });
    const spent = Number(processorNanoseconds(pids) - before);
    const spentByStore = Number(processorNanoseconds(storePids) - storeBefore);
    if (answer.type !== 'done') {
      throw new Error(`the load generator answered ${answer.type}`);
    }
    const { result } = answer;
    return {
      ...result,
      microseconds: spent / 1000 / result.operations,
      ...(storePid === undefined ? {} : { storeMicroseconds: spentByStore / 1000 / result.operations }),
      busy: spent / 1e9 / result.seconds,
    };
  }

  close(): void {
    this.#child.disconnect();
  }

  #ask(command: Command): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const ended = () => reject(new Error('the load generator ended'));
      this.#child.once('exit', ended);
      this.#child.once('message', (answer: Answer) => {
        this.#child.off('exit', ended);
        if (answer.type === 'failed') {
          reject(new Error(`wrong answer under load: ${answer.message}`));
        } else {
          resolve(answer);
        }
      });
      this.#child.send(command);
    });
  }
}
