import type { Configuration } from '../../config/configuration.ts';
import { type Database, onClock } from '../database/database.ts';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { ClientDocumentsTable } from '../database/tables/clients.ts';
import { configurationProblem } from './configuration-problem.ts';
import type { ClientMetadata } from './metadata/client-metadata.ts';
import { RevisionCache } from './revision-cache.ts';
import { describeToEngine, type StoredClient } from './stored-client.ts';

/** An application as its document, fetched last, describes it. */
export interface DocumentClient {
  client: StoredClient;
  /** Unix time, ms: until then it need not be fetched again. */
  freshUntil: number;
  /** Until then it counts although its address does not answer. */
  staleUntil: number;
}

/** What came of fetching a document. `age` and `staleAge` in seconds. */
export type FetchedDocument =
  | { outcome: 'read'; metadata: ClientMetadata; age: number; staleAge: number }
  /** Its address did not answer: the last one may count a while longer. `age`: until it is asked again. */
  | { outcome: 'unreachable'; problem: string; age: number }
  /** It is not there, or cannot be used. */
  | { outcome: 'unusable'; problem: string; age: number };

/** Whether a client_id is the address of a document, as far as anybody may look for one under it. */
export function isDocumentAddress(clientId: string): boolean {
  return clientId.startsWith('https://');
}

/** What a client is while nothing is known of it but that it cannot be used. */
const NOTHING: ClientMetadata = {
  application_type: 'web',
  redirect_uris: [],
  post_logout_redirect_uris: [],
  grant_types: ['authorization_code'],
  response_types: [],
  response_modes: ['query'],
  token_endpoint_auth_method: 'none',
};

/**
 * Client ID metadata documents as they were fetched last, in the directory, so that all processes judge by the same one.
 * Nothing is fetched here (lib/provider does), so whoever only wants to show a name never waits for strangers.
 */
export class ClientDocuments {
  readonly #database: Database;
  readonly #configuration: Pick<Configuration, 'keys' | 'features'>;
  readonly #cache: RevisionCache<ClientDocumentsTable, DocumentClient>;

  constructor(options: {
    database: Database;
    configuration: Pick<Configuration, 'keys' | 'features'>;
    clock?: (() => number) | undefined;
  }) {
    const database = onClock(options.database, options.clock);
    this.#database = database;
    this.#configuration = options.configuration;
    this.#cache = new RevisionCache<ClientDocumentsTable, DocumentClient>(
      database,
      'client_documents',
      database.prepare((query, { key }) =>
        query.selectFrom('client_documents').selectAll().where('client_id', '=', key),
      ),
      (row) => read(row, options.configuration),
    );
  }

  /** Unix time (ms) by the clock that all processes share. */
  now(): number {
    return this.#database.now();
  }

  /** A promise and errors as of `Clients.find`. */
  find(address: string): MaybePromise<DocumentClient | undefined> {
    return this.#cache.find(address);
  }

  /** Applications whose document could be used when it was fetched last, the oldest first. */
  async list(): Promise<StoredClient[]> {
    const rows = await this.#database.query
      .selectFrom('client_documents')
      .selectAll()
      .where('problem', 'is', null)
      .orderBy('first_seen_at')
      .orderBy('client_id')
      .execute();
    return rows.map((row) => read(row, this.#configuration).client);
  }

  /**
   * Keeps what came of fetching; `startedAt` is when that began. What another process began to fetch later, and has kept, is not
   * replaced.
   */
  async keep(address: string, fetched: FetchedDocument, startedAt: number): Promise<void> {
    await this.#database.transaction(async (transaction, now) => {
      const present = await transaction
        .selectFrom('client_documents')
        .selectAll()
        .where('client_id', '=', address)
        .executeTakeFirst();
      if (present !== undefined && Number(present.fetched_at) > startedAt) return;
      const row = {
        client_id: address,
        first_seen_at: present?.first_seen_at ?? now,
        fetched_at: startedAt,
        ...judged(fetched, present, now),
      };
      await transaction
        .insertInto('client_documents')
        .values(row)
        .onConflict((conflict) => conflict.column('client_id').doUpdateSet(row))
        .execute();
      await this.#database.revisions.move(transaction, 'client_documents');
    });
  }
}

function judged(
  fetched: FetchedDocument,
  present: ClientDocumentsTable | undefined,
  now: number,
): Pick<ClientDocumentsTable, 'metadata' | 'problem' | 'fresh_until' | 'stale_until'> {
  const freshUntil = now + fetched.age * 1000;
  if (fetched.outcome === 'read') {
    return {
      metadata: JSON.stringify(fetched.metadata),
      problem: null,
      fresh_until: freshUntil,
      stale_until: freshUntil + fetched.staleAge * 1000,
    };
  }
  const staleUntil = Number(present?.stale_until ?? 0);
  const metadata = present?.metadata ?? null;
  if (fetched.outcome === 'unreachable' && present?.problem === null && staleUntil > now) {
    return {
      metadata,
      problem: null,
      fresh_until: Math.min(freshUntil, staleUntil),
      stale_until: staleUntil,
    };
  }
  return { metadata, problem: fetched.problem, fresh_until: freshUntil, stale_until: now };
}

function read(row: ClientDocumentsTable, policy: Pick<Configuration, 'keys' | 'features'>): DocumentClient {
  const metadata = row.metadata === null ? NOTHING : (JSON.parse(row.metadata) as ClientMetadata);
  const { engineMetadata, scopes } = describeToEngine(row.client_id, metadata, policy);
  return {
    freshUntil: Number(row.fresh_until),
    staleUntil: Number(row.stale_until),
    client: {
      clientId: row.client_id,
      metadata: Object.freeze(metadata),
      scopes,
      engineMetadata: Object.freeze(engineMetadata),
      secretDigest: null,
      origin: 'document',
      registrationTokenDigest: null,
      problem: row.problem ?? configurationProblem(metadata, policy),
      createdAt: Number(row.first_seen_at),
      updatedAt: Number(row.fetched_at),
    },
  };
}
