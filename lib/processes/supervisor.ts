/**
 * The primary of several workers. This room owns their lives: it starts them, starts again what ends by itself (ever more
 * slowly while it goes on), replaces what does not answer, rolls from one generation to the next without refusing a
 * connection, and stops them together. It refuses to go on when the very first one cannot start: what kept that one
 * from listening would keep all. It knows nothing of what they serve.
 */
import { availableParallelism } from 'node:os';
import type { Log } from '../observability/log.ts';
import { type MetricsSnapshot, mergeSnapshots, withoutGauges } from '../observability/metrics-snapshot.ts';
import { ConnectionHandover } from './connection-handover.ts';
import { RestartPause } from './restart-pause.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

/** A worker that was not heard of for so long (ms) hangs. */
const SILENCE_MILLISECONDS = 10_000;
/** How long (ms) a worker may take from its start until it listens. */
const START_MILLISECONDS = 60_000;
/** How long (ms) a worker may take to stop: more than its requests in flight are given. */
const STOP_MILLISECONDS = 45_000;
/** How often (ms) the workers are looked at. */
const WATCH_MILLISECONDS = 1000;

interface Slot {
  readonly number: number;
  readonly pause: RestartPause;
  worker: WorkerProcess | undefined;
  restart: NodeJS.Timeout | undefined;
  /** What its worker serves by, and one that takes the place of that. */
  configuration: unknown;
}

/** How a rolling restart went. */
export type RollOutcome = { outcome: 'rolled' } | { outcome: 'kept' };

/** The worker processes of one primary, each in a slot of its own that is filled again when its worker ends. */
export class Supervisor {
  readonly #log: Log;
  readonly #slots: Slot[];
  readonly #handover = new ConnectionHandover();
  readonly #living = new Set<WorkerProcess>();
  readonly #waiting: Slot[] = [];
  readonly #ends = new Map<string, number>();
  #departed: MetricsSnapshot = { samples: [], histograms: [] };
  #watchedAt = performance.now();
  #watching: NodeJS.Timeout | undefined;
  #stopping = false;

  /** `configuration` is what the workers serve by, until a rolling restart brings another. */
  constructor(options: { count: number; log: Log; configuration: unknown }) {
    this.#log = options.log;
    this.#slots = Array.from({ length: options.count }, (_, index) => ({
      number: index + 1,
      pause: new RestartPause(),
      worker: undefined,
      restart: undefined,
      configuration: options.configuration,
    }));
  }

  /** How many workers serve. */
  get listening(): number {
    return this.#slots.filter(({ worker }) => worker?.state === 'listening').length;
  }

  /** When a worker that listens was last heard of, on the monotonic clock (ms). */
  get heardAt(): number {
    return Math.max(
      ...[...this.#living].map(({ state, heardAt }) => (state === 'starting' ? 0 : heardAt)),
      0,
    );
  }

  get count(): number {
    return this.#slots.length;
  }

  /** What all workers have counted, those that are gone included. */
  metrics(): MetricsSnapshot {
    const ends = [...this.#ends].map(([reason, value]) => ({
      name: 'latchkey_worker_ends_total' as const,
      labels: [reason],
      value,
    }));
    const own: MetricsSnapshot = {
      samples: [
        ...ends,
        { name: 'latchkey_workers', labels: ['listening'], value: this.listening },
        { name: 'latchkey_workers', labels: ['configured'], value: this.count },
      ],
      histograms: [],
    };
    return mergeSnapshots([this.#departed, own, ...[...this.#living].map(({ metrics }) => metrics)]);
  }

  /** Starts the first worker, and the others when that listens: the port, or the exit code with which the first one ended. */
  async start(stop: Promise<unknown>): Promise<{ port: number } | { exitCode: number }> {
    const [first, ...others] = this.#slots as [Slot, ...Slot[]];
    this.#watching = setInterval(() => this.#watch(), WATCH_MILLISECONDS);
    const worker = this.#fork(first);
    const started = await Promise.race([
      worker.listening.then((port) => ({ port })),
      // Ended by a signal, it has no code of its own.
      worker.ended.then(({ code }) => ({ exitCode: Number(code) || 1 })),
      stop.then(() => ({ exitCode: 0 })),
    ]);
    if ('exitCode' in started) return started;
    first.worker = worker;
    void worker.ended.then((end) => this.#afterEnd(first, worker, end));
    for (const slot of others) this.#spawn(slot);
    return started;
  }

  /** Stops all of them and resolves when they are gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#watching);
    for (const { restart } of this.#slots) clearTimeout(restart);
    for (const worker of this.#living) worker.signal('SIGTERM');
    const deadline = setTimeout(() => {
      for (const worker of this.#living) worker.kill('stopped');
    }, STOP_MILLISECONDS);
    while (this.#living.size > 0) await Promise.all([...this.#living].map(({ ended }) => ended));
    clearTimeout(deadline);
  }

  /**
   * Replaces the workers one after another by such that serve by `configuration`: the new one listens before the old one stops. When a new one
   * cannot start, the rest of the old ones stay. Not to be asked for again while it is under way.
   */
  async roll(configuration: unknown): Promise<RollOutcome> {
    for (const slot of this.#slots) {
      if (this.#stopping) return { outcome: 'kept' };
      const successor = this.#fork(slot, configuration);
      const listens = await Promise.race([
        successor.listening.then(() => true),
        successor.ended.then(() => false),
      ]);
      if (this.#stopping) return { outcome: 'kept' };
      if (!listens) {
        this.#log.error(
          { worker: successor.pid },
          'a new worker could not start: the workers that there are stay',
        );
        return { outcome: 'kept' };
      }
      clearTimeout(slot.restart);
      const { worker } = slot;
      slot.worker = successor;
      slot.configuration = configuration;
      void successor.ended.then((end) => this.#afterEnd(slot, successor, end));
      if (worker !== undefined) await this.#retire(worker);
    }
    return { outcome: 'rolled' };
  }

  async #retire(worker: WorkerProcess): Promise<void> {
    worker.endedFor = 'replaced';
    worker.retire();
    const deadline = setTimeout(() => worker.kill('replaced'), STOP_MILLISECONDS);
    await worker.ended;
    clearTimeout(deadline);
  }

  #fork({ number, configuration: present }: Slot, configuration = present): WorkerProcess {
    const worker = new WorkerProcess(number, this.#handover, configuration);
    this.#living.add(worker);
    void worker.ended.then(() => {
      this.#living.delete(worker);
      this.#departed = mergeSnapshots([this.#departed, withoutGauges(worker.metrics)]);
      const reason = worker.endedFor ?? (this.#stopping ? 'stopped' : 'crashed');
      this.#ends.set(reason, (this.#ends.get(reason) ?? 0) + 1);
    });
    return worker;
  }

  /** Starts a worker, unless as many are starting already as there are cores: then in its turn. */
  #spawn(slot: Slot): void {
    if (this.#stopping || slot.worker !== undefined) return;
    const starting = [...this.#living].filter(({ state }) => state === 'starting').length;
    if (starting >= availableParallelism()) {
      this.#waiting.push(slot);
      return;
    }
    const worker = this.#fork(slot);
    slot.worker = worker;
    void worker.listening.then(() => this.#spawnNext());
    void worker.ended.then((end) => {
      this.#afterEnd(slot, worker, end);
      this.#spawnNext();
    });
  }

  #spawnNext(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) this.#spawn(next);
  }

  #afterEnd(slot: Slot, worker: WorkerProcess, { code, signal }: WorkerEnd): void {
    if (this.#stopping || slot.worker !== worker) return;
    slot.worker = undefined;
    const delay = slot.pause.after(performance.now() - worker.startedAt);
    this.#log.error(
      { worker: worker.pid, code, signal, delay },
      'a worker ended by itself and is started again',
    );
    slot.restart = setTimeout(() => this.#spawn(slot), delay);
  }

  #watch(): void {
    const now = performance.now();
    // This process was itself paused: what the workers said meanwhile was not read yet.
    const wasPaused = now - this.#watchedAt > 3 * WATCH_MILLISECONDS;
    this.#watchedAt = now;
    for (const worker of this.#living) {
      if (wasPaused) worker.heardAt = now;
      const limit = worker.state === 'starting' ? START_MILLISECONDS : SILENCE_MILLISECONDS;
      const since = worker.state === 'starting' ? worker.startedAt : worker.heardAt;
      if (now - since <= limit || worker.state === 'ended') continue;
      const seconds = Math.round((now - since) / 1000);
      this.#log.error({ worker: worker.pid, seconds }, 'a worker does not answer: it is killed and replaced');
      worker.kill(worker.state === 'starting' ? 'start_timeout' : 'hung');
    }
  }
}
