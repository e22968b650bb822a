import type { Database } from '../database/database.ts';
import { RecurringWork } from '../database/recurring-work.ts';
import type { StoredClient } from './stored-client.ts';

const DAY_MILLISECONDS = 86_400_000;
/** How often unused ones are looked for (ms). */
const INTERVAL_MILLISECONDS = 3_600_000;
/** How long a document that nobody asks for any more is remembered: what it names may be listed among somebody's grants. */
const DOCUMENT_MILLISECONDS = 90 * DAY_MILLISECONDS;
/** The same of an address that never had one: anybody can name as many as the limits allow, and nobody was let in by it. */
const NOTHING_MILLISECONDS = DAY_MILLISECONDS;
const MOST_REMEMBERED = 10_000;
const ROWS_AT_ONCE = 200;

/**
 * Forgets applications that registered themselves and were not used for long, and documents of applications that nobody asks
 * for. What counts as used is kept to the day: one write a day for each application that is.
 */
export class UnusedClients {
  readonly #database: Database;
  readonly #lifetime: number;
  readonly #endClient: (clientId: string) => Promise<void>;
  readonly #log: { warn(details: object, message: string): void };
  readonly #told = new Map<string, number>();
  readonly #sweeping: RecurringWork;

  /** `lifetime` in seconds; `endClient` ends what was granted to a client that is deleted. */
  constructor(options: {
    database: Database;
    lifetime: number;
    endClient: (clientId: string) => Promise<void>;
    log: { warn(details: object, message: string): void };
  }) {
    this.#database = options.database;
    this.#lifetime = options.lifetime * 1000;
    this.#endClient = options.endClient;
    this.#log = options.log;
    this.#sweeping = new RecurringWork({
      work: () => this.sweep(),
      firstAfter: 0,
      interval: INTERVAL_MILLISECONDS,
      failed: (err) => this.#log.warn({ err }, 'unused applications could not be deleted; later'),
    });
  }

  /** Notes that a client is in use. Nobody waits for it: a note that is lost is made again by the next use. */
  used({ clientId, origin }: Pick<StoredClient, 'clientId' | 'origin'>): void {
    if (origin !== 'registration') return;
    const now = this.#database.now();
    if (now - (this.#told.get(clientId) ?? Number.NEGATIVE_INFINITY) < DAY_MILLISECONDS) return;
    if (this.#told.size >= MOST_REMEMBERED) this.#told.clear();
    this.#told.set(clientId, now);
    this.#database.query
      .updateTable('clients')
      .set({ last_used_at: now })
      .where('client_id', '=', clientId)
      .where((either) =>
        either.or([either('last_used_at', 'is', null), either('last_used_at', '<', now - DAY_MILLISECONDS)]),
      )
      .execute()
      .catch((err: unknown) => {
        this.#told.delete(clientId);
        this.#log.warn({ err, clientId }, 'the use of an application was not noted; its next use will be');
      });
  }

  /** Forgets what is unused by now; answers how many applications. */
  async sweep(): Promise<number> {
    const now = this.#database.now();
    const unusedSince = now - this.#lifetime;
    await this.#database.query
      .deleteFrom('client_documents')
      .where((either) =>
        either.or([
          either('fetched_at', '<', now - DOCUMENT_MILLISECONDS),
          either.and([either('metadata', 'is', null), either('fetched_at', '<', now - NOTHING_MILLISECONDS)]),
        ]),
      )
      .execute();
    for (let swept = 0; ; ) {
      const deleted = await this.#database.transaction(async (transaction) => {
        const some = await transaction
          .selectFrom('clients')
          .select('client_id')
          .where('origin', '=', 'registration')
          .where('created_at', '<', unusedSince)
          .where((either) =>
            either.or([either('last_used_at', 'is', null), either('last_used_at', '<', unusedSince)]),
          )
          .limit(ROWS_AT_ONCE)
          .execute();
        const ids = some.map(({ client_id: clientId }) => clientId);
        if (ids.length === 0) return ids;
        await transaction.deleteFrom('clients').where('client_id', 'in', ids).execute();
        await this.#database.revisions.move(transaction, 'clients');
        return ids;
      });
      for (const clientId of deleted) await this.#endClient(clientId);
      swept += deleted.length;
      if (deleted.length < ROWS_AT_ONCE) return swept;
    }
  }

  /** Sweeps from time to time until `stop`. */
  start(): void {
    this.#sweeping.start();
  }

  /** Resolves when nothing is under way. */
  stop(): Promise<void> {
    return this.#sweeping.stop();
  }
}
