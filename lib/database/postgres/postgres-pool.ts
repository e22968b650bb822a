import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import pg from 'pg';
import type { PostgresConnections } from './postgres-connection.ts';
import { asUnavailable } from './postgres-errors.ts';

const IDLE_MILLISECONDS = 30_000;

/**
 * The connections that queries share. What goes wrong with the server rejects with DatabaseUnavailable; a connection that
 * was in trouble is not used again, nor is any that was opened before `distrust`, and none ever emits an error that
 * nobody hears.
 */
export class GuardedPool implements PostgresPool {
  readonly #pool: pg.Pool;
  readonly #generations = new WeakMap<pg.PoolClient, number>();
  #generation = 0;
  #roundTrips = 0;

  /** `size` connections at most; `patient` as in PostgresConnections. */
  constructor(connections: PostgresConnections, options: { size: number; patient?: boolean }) {
    this.#pool = new pg.Pool({
      ...connections.configuration({ patient: options.patient === true }),
      max: options.size,
      idleTimeoutMillis: IDLE_MILLISECONDS,
    });
    // The pool drops a connection that breaks while it is idle; whoever uses one hears of it by their statement's rejection.
    this.#pool.on('error', () => {});
    this.#pool.on('connect', (client) => {
      client.on('error', () => {});
      this.#generations.set(client, this.#generation);
    });
  }

  /** How many statements have been sent; it only grows. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /** Connections of before are not used again: their server may be gone without having said so. */
  distrust(): void {
    this.#generation += 1;
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      for (;;) {
        const client = await this.#pool.connect();
        if (this.#generations.get(client) === this.#generation) return this.#guard(client);
        client.release(true);
      }
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  #guard(client: pg.PoolClient): PostgresPoolClient {
    let broken = false;
    const query = async (sql: string, parameters: ReadonlyArray<unknown>) => {
      this.#roundTrips += 1;
      try {
        return (await client.query(sql, [...parameters])) as PostgresQueryResult<unknown>;
      } catch (error) {
        const seen = asUnavailable(error);
        broken ||= seen !== error;
        throw seen;
      }
    };
    return {
      query: query as PostgresPoolClient['query'],
      release: (discard?: boolean) => client.release(broken || discard),
    } as PostgresPoolClient;
  }
}
