import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { EngineRequest, RequestOutcome } from './engine-requests.ts';
import type { Place } from './storage-place.ts';
import type { WorkerOrder } from './storage-worker.ts';

const WORKER = path.join(import.meta.dirname, 'storage-worker.ts');

/** One process on a place. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly #heard: Record<string, unknown>[] = [];
  #stderr = '';
  #wake: () => void = () => {};

  constructor(place: Place, graceSeconds: number) {
    this.child = fork(WORKER, [place.module, place.location, String(graceSeconds)], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.child.on('message', (message) => {
      this.#heard.push(message as Record<string, unknown>);
      this.#wake();
    });
    this.child.stderr?.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    this.child.on('exit', () => this.#wake());
  }

  tell(order: WorkerOrder): void {
    this.child.send(order);
  }

  /** The next thing it says; fails when it has ended instead. */
  async hear(): Promise<Record<string, unknown>> {
    while (this.#heard.length === 0) {
      if (this.child.exitCode !== null) throw new Error(`a worker ended: ${this.#stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#heard.shift() as Record<string, unknown>;
  }

  /** What was said and not yet heard. */
  get rest(): Record<string, unknown>[] {
    return this.#heard.splice(0);
  }

  /** `kill -9`; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }
}

/** Several processes on one place that perform requests at once: each has read everything before any commits. */
export class WorkerProcesses {
  readonly #workers: WorkerProcess[];

  private constructor(workers: WorkerProcess[]) {
    this.#workers = workers;
  }

  static async start(
    place: Place,
    options: { processes: number; graceSeconds: number },
  ): Promise<WorkerProcesses> {
    const workers = Array.from(
      { length: options.processes },
      () => new WorkerProcess(place, options.graceSeconds),
    );
    await Promise.all(workers.map((worker) => worker.hear()));
    return new WorkerProcesses(workers);
  }

  /** `requestOf` makes the request of each contender, of which each process has `perProcess`. */
  async race(perProcess: number, requestOf: (contender: number) => EngineRequest): Promise<RequestOutcome[]> {
    for (const [index, worker] of this.#workers.entries()) {
      const requests = Array.from({ length: perProcess }, (_, own) => requestOf(index * perProcess + own));
      worker.tell({ order: 'prepare', requests });
    }
    await Promise.all(this.#workers.map((worker) => worker.hear()));
    for (const worker of this.#workers) worker.tell({ order: 'commit' });
    const answers = await Promise.all(this.#workers.map((worker) => worker.hear()));
    return answers.flatMap(({ outcomes }) => outcomes as RequestOutcome[]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
  }
}
