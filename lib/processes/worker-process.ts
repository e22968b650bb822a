import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { PRIMARY_VARIABLE } from '../../config/primary-variable.ts';
import { inProcess, type MetricsSnapshot } from '../observability/metrics-snapshot.ts';
import type { ConnectionHandover } from './connection-handover.ts';
import { type ConfigurationAnswer, isBeat, isConfigurationRequest } from './messages.ts';

/** How a worker ended. */
export interface WorkerEnd {
  code: number | null;
  signal: string | null;
}

/** What a worker does at the moment. */
export type WorkerState = 'starting' | 'listening' | 'retiring' | 'ended';

/** A worker as its primary sees it. */
export class WorkerProcess {
  readonly pid: number;
  readonly startedAt = performance.now();
  /** Settles with the port when it listens; never when it ends before. */
  readonly listening: Promise<number>;
  readonly ended: Promise<WorkerEnd>;
  state: WorkerState = 'starting';
  /** When it was last heard of, on the monotonic clock (ms). */
  heardAt = performance.now();
  /** Why the primary ended it, where it did. */
  endedFor: string | undefined;
  readonly #worker: Worker;
  readonly #slot: number;
  #metrics: MetricsSnapshot = { samples: [], histograms: [] };

  /** `slot` names it in metrics; a successor has the same. `configuration` is what it serves by, as JSON has it. */
  constructor(slot: number, handover: ConnectionHandover, configuration: unknown) {
    this.#slot = slot;
    this.#worker = cluster.fork({ [PRIMARY_VARIABLE]: String(process.pid) });
    this.pid = this.#worker.process.pid ?? -1;
    handover.watch(this.#worker);
    // Writing to one that was killed a moment ago; its end is told as such.
    this.#worker.on('error', () => {});
    this.#worker.on('message', (message: unknown) => {
      if (isConfigurationRequest(message)) {
        this.#worker.send({ latchkey: 'configured', configuration } satisfies ConfigurationAnswer);
      }
      if (!isBeat(message)) return;
      this.heardAt = performance.now();
      this.#metrics = message.metrics;
    });
    this.listening = once(this.#worker, 'listening').then(([address]) => {
      if (this.state === 'starting') this.state = 'listening';
      this.heardAt = performance.now();
      return (address as { port: number }).port;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code, signal) => {
        this.state = 'ended';
        resolve({ code, signal });
      });
    });
  }

  /** What it has counted, as of its last beat. */
  get metrics(): MetricsSnapshot {
    return inProcess(String(this.#slot), this.#metrics);
  }

  /** Lets it finish what it has, now that another one serves in its place. */
  retire(): void {
    this.state = 'retiring';
    if (this.#worker.isConnected()) this.#worker.send({ latchkey: 'retire' });
  }

  signal(name: NodeJS.Signals): void {
    this.#worker.process.kill(name);
  }

  kill(reason: string): void {
    this.endedFor ??= reason;
    this.signal('SIGKILL');
  }
}
