import pg from 'pg';
import type { DatabaseLog } from '../database-log.ts';
import type { PostgresConnections } from './postgres-connection.ts';
import { asUnavailable } from './postgres-errors.ts';

/** How often (ms) it looks without being told: half of the second within which every change must be seen. */
const LOOK_MILLISECONDS = 500;
/** Between two attempts to connect (ms): random up to a bound that grows from the first to the last. */
const FIRST_RETRY_MILLISECONDS = 100;
const LAST_RETRY_MILLISECONDS = 1000;

interface ListenerOptions<Look> {
  connections: PostgresConnections;
  channel: string;
  /** One statement with one row. */
  look: string;
  /** Called with each look's row, and when (by `performance.now()`) it was asked and answered. */
  onLook(look: Look, times: { asked: number; answered: number }): void;
  /** Called each time the connection is lost. */
  onTrouble(): void;
  log: DatabaseLog;
}

/**
 * One connection that waits for notifications, looks when one comes and twice a second besides, and is opened again for
 * as long as it takes when it breaks. A connection through a pooler that drops LISTEN works by the looks alone.
 */
export class PostgresListener<Look> {
  readonly #options: ListenerOptions<Look>;
  #client: pg.Client | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;
  #wanted = false;
  #wake: () => void = () => {};

  constructor(options: ListenerOptions<Look>) {
    this.#options = options;
  }

  /** Resolves when the first look has been taken; rejects with DatabaseUnavailable when it cannot be. */
  async start(): Promise<void> {
    try {
      await this.#turn();
    } catch (error) {
      this.#drop();
      throw asUnavailable(error);
    }
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#running;
    this.#drop();
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopped) {
      await this.#pause(failures === 0 ? LOOK_MILLISECONDS : retryDelay(failures));
      if (this.#stopped) return;
      try {
        await this.#turn();
        if (failures > 0) this.#options.log.info({ attempts: failures }, 'the database answers again');
        failures = 0;
      } catch (error) {
        if (failures === 0) {
          const err = asUnavailable(error);
          this.#options.log.warn(
            { err },
            'the database does not answer; what is remembered of it serves for a while',
          );
          this.#options.onTrouble();
        }
        failures += 1;
        this.#drop();
      }
    }
  }

  /** Connects if need be, and looks. Listening comes first, so that nothing falls between. */
  async #turn(): Promise<void> {
    this.#client ??= await this.#connect();
    this.#wanted = false;
    const asked = performance.now();
    const { rows } = await this.#client.query(this.#options.look);
    this.#options.onLook(rows[0] as Look, { asked, answered: performance.now() });
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#options.connections.configuration());
    const hurry = (): void => {
      this.#wanted = true;
      this.#wake();
    };
    // Without a listener a broken connection would end the process; the next look meets the same error.
    client.on('error', hurry);
    client.on('notification', hurry);
    try {
      await client.connect();
      await client.query(`LISTEN ${this.#options.channel}`);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    return client;
  }

  #drop(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.removeAllListeners('notification');
    void client?.end().catch(() => {});
  }

  /** Waits, and no longer than until somebody wants a look. Does not keep the process alive. */
  async #pause(milliseconds: number): Promise<void> {
    if (this.#wanted || this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds).unref();
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function retryDelay(failures: number): number {
  const bound = Math.min(LAST_RETRY_MILLISECONDS, FIRST_RETRY_MILLISECONDS * 2 ** Math.min(failures, 10));
  return bound / 2 + (Math.random() * bound) / 2;
}
