import { Worker } from 'node:worker_threads';
import { type Configuration, configurationSchema } from '../../config/configuration.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';
import { openSigningKeys, type SigningKeys, type SigningKeysOptions } from '../../lib/keys/signing-keys.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import type { DirectoryPlace, DirectoryStore } from '../database/directory-stores.ts';
import type { KeyOrder } from './key-process.ts';

/** Settings of the tests, in seconds: announced for 360, rotated each day. */
export const settings: Configuration['keys'] = {
  algorithms: ['ES256'],
  rotationInterval: 86_400,
  jwksMaxAge: 300,
  announceMargin: 60,
  external: configurationSchema.parse({}).keys.external,
};
export const announcement = 360_000;
export const interval = 86_400_000;
export const maximumTokenLifetime = 3_600;
const hintLifetime = 7_200;
/** hintLifetime and the minute for requests in flight. */
export const verification = 7_260_000;

/**
 * An instance on a thread of its own: two connections of one thread cannot wait for each other's transactions, as
 * processes do.
 */
export class KeyProcess {
  readonly #worker: Worker;
  readonly #ready: Promise<unknown>;

  constructor(options: DatabaseOptions) {
    this.#worker = new Worker(new URL('./key-process.ts', import.meta.url), { workerData: { options } });
    this.#ready = this.#answer();
  }

  async order(order: KeyOrder): Promise<unknown> {
    await this.#ready;
    const answer = this.#answer();
    this.#worker.postMessage(order);
    return answer;
  }

  terminate(): Promise<unknown> {
    return this.#worker.terminate();
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#worker.once('error', reject);
      this.#worker.once('message', ({ answer, error }: { answer?: unknown; error?: string }) => {
        this.#worker.off('error', reject);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
    });
  }
}

/** A place for the directory, a clock that stands still until it is told, and as many instances on them as a test wants. */
export class KeyBench {
  readonly #place: DirectoryPlace;
  now = Date.UTC(2030, 0, 1);
  readonly #databases: Database[] = [];
  readonly #opened: SigningKeys[] = [];
  readonly #processes: KeyProcess[] = [];

  private constructor(place: DirectoryPlace) {
    this.#place = place;
  }

  static async make(store: DirectoryStore): Promise<KeyBench> {
    return new KeyBench(await store.makePlace());
  }

  /** The bytes of every file that holds something of it. */
  files(): Promise<Buffer[]> {
    return this.#place.files();
  }

  /** As many instances on threads of their own as asked for. */
  processes(count: number): KeyProcess[] {
    this.#processes.push(...Array.from({ length: count }, () => new KeyProcess(this.#place.options)));
    return this.#processes.slice(-count);
  }

  /** Gives all of them the same order at the same moment. */
  async together(processes: KeyProcess[], order: KeyOrder['order']): Promise<unknown[]> {
    return Promise.all(processes.map((each) => each.order({ order, now: this.now })));
  }

  async database(encryptionKey: string[] = []): Promise<Database> {
    const database = await openDatabase({ ...this.#place.options, encryptionKey });
    this.#databases.push(database);
    return database;
  }

  /** A further instance on its own connection; not to be used at the same moment as another. */
  async open(changed: Partial<SigningKeysOptions> = {}): Promise<SigningKeys> {
    const keys = await openSigningKeys({
      database: changed.database ?? (await this.database()),
      configuration: settings,
      maximumTokenLifetime,
      hintLifetime,
      events: createEvents(),
      log: createLog('silent'),
      clock: () => this.now,
      ...changed,
    });
    this.#opened.push(keys);
    return keys;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.terminate()));
    await Promise.all(this.#opened.map((keys) => keys.stop()));
    await Promise.all(this.#databases.map((database) => database.close()));
    await this.#place.remove();
  }
}

/** `state algorithm` of each key of a snapshot, in its order. */
export function states(keys: SigningKeys): string[] {
  return keys.snapshot().keys.map(({ state, algorithm }) => `${state} ${algorithm}`);
}

/** The kid that signs for an algorithm. */
export function activeKid(keys: SigningKeys, algorithm = 'ES256'): string {
  const active = keys.snapshot().keys.filter((key) => key.state === 'active' && key.algorithm === algorithm);
  if (active.length !== 1) throw new Error(`${active.length} active keys for ${algorithm}`);
  return (active[0] as { kid: string }).kid;
}
