/**
 * Applications and APIs: what is registered, and who may call itself what. It refuses metadata that would weaken the
 * protocol (redirect URIs that are not exact, private keys, response types that are off) before anything is stored,
 * and never stores a client secret in readable form. It answers for RFC 7591 §2 and §3.2 (metadata, defaults, error codes,
 * the registration response), RFC 8252 §7 (redirect URIs of native applications), RFC 6749 §2.3.1 (secrets), and in
 * apis.ts for RFC 8707 §2 (what names an API).
 */
import type { Kysely } from 'kysely';
import type { Configuration } from '../../config/configuration.ts';
import { type Database, onClock } from '../database/database.ts';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { ClientsTable } from '../database/tables/clients.ts';
import { type ClientDocuments, isDocumentAddress } from './client-documents.ts';
import { generateClientId, merge, nameTaken, rowOf, serialise, unknownApi } from './client-rows.ts';
import { makeSecret, needsMac, secretMatches, usesSecret } from './client-secret.ts';
import {
  type ClientMetadata,
  checkMetadata,
  type MetadataRefusal,
  refuseMetadata,
} from './metadata/client-metadata.ts';
import { RevisionCache } from './revision-cache.ts';
import { createClientReader, type StoredClient } from './stored-client.ts';

export type { StoredClient } from './stored-client.ts';

type NotFound = { outcome: 'not_found' };

export interface Clients {
  /**
   * The client, a few µs when nothing has changed; what another process changed is seen as soon as `Revisions.current`
   * tells. A promise only where it is read over PostgreSQL, or in the middle of a transaction of this process. Throws, or
   * rejects with, DatabaseUnavailable.
   */
  find(clientId: string): MaybePromise<StoredClient | undefined>;
  /** Constant-time. False for an unknown client, and for one without a secret. A promise and errors as of `find`. */
  verifySecret(clientId: string, secret: string): MaybePromise<boolean>;
  /** All of them, oldest first. */
  list(): Promise<StoredClient[]>;
  /**
   * Registers an application from RFC 7591 metadata. `client_id` is generated unless it is given. The secret is in
   * the answer this once and nowhere else. Members it does not know are refused unless `unknownMembers` is 'ignore'.
   */
  create(
    metadata: unknown,
    options?: { unknownMembers?: 'refuse' | 'ignore' },
  ): Promise<{ outcome: 'created'; client: StoredClient; clientSecret?: string } | MetadataRefusal>;
  /**
   * The same for one that registers itself (RFC 7591 §3.1) and gets a token to manage that with. `admit` is asked in the
   * transaction that registers it, so that of a token which admits once two uses at once do not both succeed.
   */
  register(
    metadata: unknown,
    registration: {
      tokenDigest: string;
      admit?: ((transaction: Kysely<DatabaseSchema>, now: number) => Promise<boolean>) | undefined;
    },
  ): Promise<
    | { outcome: 'created'; client: StoredClient; clientSecret?: string }
    | { outcome: 'not_admitted' }
    | MetadataRefusal
  >;
  /**
   * Replaces the metadata by what `compute` makes of the present registration, both in one transaction. Members that are not
   * known are dropped.
   */
  revise(
    clientId: string,
    compute: (
      present: StoredClient,
    ) => { outcome: 'revised'; metadata: unknown } | MetadataRefusal | NotFound,
  ): Promise<
    { outcome: 'updated'; client: StoredClient; clientSecret?: string } | MetadataRefusal | NotFound
  >;
  /**
   * Replaces the metadata (RFC 7592 §2.2), or with `merge` the given members alone (null removes one). Answers a new
   * secret when the change needs one: a client that had none, or one of which only the digest is kept and that now
   * needs a MAC.
   */
  update(
    clientId: string,
    metadata: unknown,
    options?: { unknownMembers?: 'refuse' | 'ignore'; merge?: boolean },
  ): Promise<
    { outcome: 'updated'; client: StoredClient; clientSecret?: string } | MetadataRefusal | NotFound
  >;
  /** Replaces the secret; the former one is refused from the next request on. Public clients have none to replace. */
  rotateSecret(
    clientId: string,
  ): Promise<{ outcome: 'rotated'; client: StoredClient; clientSecret: string } | MetadataRefusal | NotFound>;
  delete(clientId: string): Promise<{ outcome: 'deleted' } | NotFound>;
}

export interface ClientsOptions {
  /** Where clients are known by that are not registered; there are none without. */
  documents?: ClientDocuments | undefined;
  database: Database;
  configuration: Pick<Configuration, 'keys' | 'features'>;
  log: { error(details: object, message: string): void };
  /** Unix time, ms; by default the clock that all processes share. */
  clock?: () => number;
}

/** Opens the directory of applications. */
export function openClients({ configuration, log, documents, ...options }: ClientsOptions): Clients {
  const database = onClock(options.database, options.clock);
  const read = createClientReader(database, configuration, (clientId, err) =>
    log.error({ err, clientId }, 'a client secret cannot be read: rotate it'),
  );
  const cache = new RevisionCache<ClientsTable, StoredClient>(
    database,
    'clients',
    database.prepare((query, { key }) =>
      query.selectFrom('clients').selectAll().where('client_id', '=', key),
    ),
    read,
  );

  /** Stores changed columns of a client that exists, and answers it as it is now. */
  async function store(
    transaction: Kysely<DatabaseSchema>,
    row: ClientsTable,
    changed: Partial<ClientsTable> & { updated_at: number },
  ): Promise<StoredClient> {
    const next = { ...row, ...changed };
    await transaction.updateTable('clients').set(next).where('client_id', '=', row.client_id).execute();
    await database.revisions.move(transaction, 'clients');
    return read(next);
  }

  async function insert(
    given: unknown,
    unknownMembers?: 'refuse' | 'ignore',
    registration?: Parameters<Clients['register']>[1],
  ): ReturnType<Clients['register']> {
    const checked = checkMetadata(given, configuration, unknownMembers);
    if (checked.outcome === 'refused') return checked;
    const { metadata } = checked;
    const clientId = checked.clientId ?? generateClientId();
    const secret = usesSecret(metadata) ? makeSecret(database, clientId, metadata) : undefined;
    return database.transaction(async (transaction, now) => {
      const problem = (await nameTaken(transaction, clientId)) ?? (await unknownApi(transaction, metadata));
      if (problem !== undefined) return problem;
      if ((await registration?.admit?.(transaction, now)) === false) return { outcome: 'not_admitted' };
      const row: ClientsTable = {
        client_id: clientId,
        metadata: serialise(metadata),
        secret_digest: secret?.digest ?? null,
        secret_sealed: secret?.sealed ?? null,
        origin: registration === undefined ? 'operator' : 'registration',
        registration_token_digest: registration?.tokenDigest ?? null,
        last_used_at: null,
        created_at: now,
        updated_at: now,
      };
      await transaction.insertInto('clients').values(row).execute();
      await database.revisions.move(transaction, 'clients');
      return withSecret({ outcome: 'created' as const, client: read(row) }, secret?.secret);
    });
  }

  function change(
    clientId: string,
    compute: Parameters<Clients['revise']>[1],
    unknownMembers?: 'refuse' | 'ignore',
  ): ReturnType<Clients['revise']> {
    return database.transaction(async (transaction, now) => {
      const row = await rowOf(transaction, clientId);
      if (row === undefined) return { outcome: 'not_found' };
      const wanted = compute(read(row));
      if (wanted.outcome !== 'revised') return wanted;
      const checked = checkMetadata(wanted.metadata, configuration, unknownMembers);
      if (checked.outcome === 'refused') return checked;
      const { metadata } = checked;
      if (checked.clientId !== undefined && checked.clientId !== clientId) {
        return refuseMetadata('client_id cannot be changed');
      }
      const problem = await unknownApi(transaction, metadata);
      if (problem !== undefined) return problem;
      const keeps = row.secret_digest !== null && (!needsMac(metadata) || row.secret_sealed !== null);
      const secret = usesSecret(metadata) && !keeps ? makeSecret(database, clientId, metadata) : undefined;
      const client = await store(transaction, row, {
        metadata: serialise(metadata),
        secret_digest: usesSecret(metadata) ? (secret?.digest ?? row.secret_digest) : null,
        secret_sealed: needsMac(metadata) ? (secret?.sealed ?? row.secret_sealed) : null,
        updated_at: now,
      });
      return withSecret({ outcome: 'updated' as const, client }, secret?.secret);
    });
  }

  return {
    find: (clientId) => {
      if (documents === undefined || !isDocumentAddress(clientId)) return cache.find(clientId);
      const found = documents.find(clientId);
      return found instanceof Promise ? found.then((one) => one?.client) : found?.client;
    },

    verifySecret: (clientId, secret) => {
      const matches = (client: StoredClient | undefined) =>
        secretMatches(client?.secretDigest ?? null, secret);
      const found = cache.find(clientId);
      return found instanceof Promise ? found.then(matches) : matches(found);
    },

    async list() {
      const rows = await database.query
        .selectFrom('clients')
        .selectAll()
        .orderBy('created_at')
        .orderBy('client_id')
        .execute();
      return rows.map(read);
    },

    async create(given, options = {}) {
      const made = await insert(given, options.unknownMembers);
      if (made.outcome === 'not_admitted') throw new Error('nobody was asked to admit this client');
      return made;
    },

    register: (given, registration) => insert(given, 'ignore', registration),

    revise: (clientId, compute) => change(clientId, compute, 'ignore'),

    update(clientId, given, options = {}) {
      const compute = ({ metadata }: StoredClient) => ({
        outcome: 'revised' as const,
        metadata: options.merge ? merge(metadata, given) : given,
      });
      return change(clientId, compute, options.unknownMembers);
    },

    rotateSecret(clientId) {
      return database.transaction(async (transaction, now) => {
        const row = await rowOf(transaction, clientId);
        if (row === undefined) return { outcome: 'not_found' };
        const metadata = JSON.parse(row.metadata) as ClientMetadata;
        if (!usesSecret(metadata)) return refuseMetadata(`${clientId} authenticates without a secret`);
        const { secret, digest, sealed } = makeSecret(database, clientId, metadata);
        const client = await store(transaction, row, {
          secret_digest: digest,
          secret_sealed: sealed,
          updated_at: now,
        });
        return { outcome: 'rotated', client, clientSecret: secret };
      });
    },

    delete(clientId) {
      return database.transaction(async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('clients')
          .where('client_id', '=', clientId)
          .executeTakeFirst();
        if (numDeletedRows === 0n) return { outcome: 'not_found' };
        await database.revisions.move(transaction, 'clients');
        return { outcome: 'deleted' };
      });
    },
  };
}

function withSecret<Outcome extends object>(outcome: Outcome, clientSecret: string | undefined) {
  return clientSecret === undefined ? outcome : { ...outcome, clientSecret };
}
