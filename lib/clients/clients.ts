/**
 * Applications and APIs: what is registered, and who may call itself what. It refuses metadata that would weaken the
 * protocol (redirect URIs that are not exact, private keys, response types that are off) before anything is stored,
 * and never stores a client secret in readable form. It answers for RFC 7591 §2 and §3.2 (metadata, defaults, error codes,
 * the registration response), RFC 8252 §7 (redirect URIs of native applications), RFC 6749 §2.3.1 (secrets), and in
 * apis.ts for RFC 8707 §2 (what names an API).
 */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Configuration } from '../../config/configuration.ts';
import { type Database, onClock } from '../database/database.ts';
import type { MaybePromise } from '../database/row-finder.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { ClientsTable } from '../database/tables/clients.ts';
import {
  type ClientMetadata,
  checkMetadata,
  type MetadataRefusal,
  refuseMetadata,
} from './client-metadata.ts';
import { makeSecret, needsMac, secretMatches, usesSecret } from './client-secret.ts';
import { RevisionCache } from './revision-cache.ts';
import { createClientReader, type StoredClient } from './stored-client.ts';

export type { StoredClient } from './stored-client.ts';

const CLIENT_ID_BYTES = 16;

type NotFound = { outcome: 'not_found' };

export interface Clients {
  /**
   * The client, a few µs when nothing has changed; what another process changed is seen as soon as `Revisions.current`
   * tells. A promise only where it is read over PostgreSQL. Throws, or rejects with, DatabaseUnavailable.
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
  /** Closes its connection. */
  close(): void;
}

export interface ClientsOptions {
  database: Database;
  configuration: Pick<Configuration, 'keys' | 'features'>;
  log: { error(details: object, message: string): void };
  /** Unix time, ms; by default the clock that all processes share. */
  clock?: () => number;
}

/** Opens the directory of applications. */
export function openClients({ configuration, log, ...options }: ClientsOptions): Clients {
  const database = onClock(options.database, options.clock);
  const read = createClientReader(database, configuration, (clientId, err) =>
    log.error({ err, clientId }, 'a client secret cannot be read: rotate it'),
  );
  const cache = new RevisionCache<ClientsTable, StoredClient>(
    database,
    'clients',
    database.findRow('clients', 'client_id'),
    read,
  );
  const rowOf = (transaction: Kysely<DatabaseSchema>, clientId: string) =>
    transaction.selectFrom('clients').selectAll().where('client_id', '=', clientId).executeTakeFirst();

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

  return {
    find: (clientId) => cache.find(clientId),

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
      const checked = checkMetadata(given, configuration, options.unknownMembers);
      if (checked.outcome === 'refused') return checked;
      const { metadata } = checked;
      const clientId = checked.clientId ?? generateClientId();
      const secret = usesSecret(metadata) ? makeSecret(database, clientId, metadata) : undefined;
      return database.transaction(async (transaction, now) => {
        const problem = (await nameTaken(transaction, clientId)) ?? (await unknownApi(transaction, metadata));
        if (problem !== undefined) return problem;
        const row: ClientsTable = {
          client_id: clientId,
          metadata: serialise(metadata),
          secret_digest: secret?.digest ?? null,
          secret_sealed: secret?.sealed ?? null,
          created_at: now,
          updated_at: now,
        };
        await transaction.insertInto('clients').values(row).execute();
        await database.revisions.move(transaction, 'clients');
        return withSecret({ outcome: 'created' as const, client: read(row) }, secret?.secret);
      });
    },

    update(clientId, given, options = {}) {
      return database.transaction(async (transaction, now) => {
        const row = await rowOf(transaction, clientId);
        if (row === undefined) return { outcome: 'not_found' };
        const wanted = options.merge ? merge(JSON.parse(row.metadata) as ClientMetadata, given) : given;
        const checked = checkMetadata(wanted, configuration, options.unknownMembers);
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

    close: () => cache.close(),
  };
}

/** 128 random bits. Never with a hyphen in front: on a command line it would be taken for an option. */
function generateClientId(): string {
  for (;;) {
    const clientId = randomBytes(CLIENT_ID_BYTES).toString('base64url');
    if (!clientId.startsWith('-')) return clientId;
  }
}

function withSecret<Outcome extends object>(outcome: Outcome, clientSecret: string | undefined) {
  return clientSecret === undefined ? outcome : { ...outcome, clientSecret };
}

/** Members in one order, whatever order they were given in. */
function serialise(metadata: ClientMetadata): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1))),
  );
}

function merge(present: ClientMetadata, given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries({ ...present, ...given }).filter(([, value]) => value !== null));
}

/** A client_id that is also somebody's sub would let a client pass for that person (RFC 9700 §4.15). */
async function nameTaken(
  transaction: Kysely<DatabaseSchema>,
  clientId: string,
): Promise<MetadataRefusal | undefined> {
  const client = await transaction
    .selectFrom('clients')
    .select('client_id')
    .where('client_id', '=', clientId)
    .executeTakeFirst();
  const person = await transaction
    .selectFrom('accounts')
    .select('sub')
    .where('sub', '=', clientId)
    .executeTakeFirst();
  return client === undefined && person === undefined
    ? undefined
    : refuseMetadata(`client_id ${clientId} is taken`);
}

async function unknownApi(
  transaction: Kysely<DatabaseSchema>,
  { resource_server: own, token_exchange: rules = [] }: ClientMetadata,
): Promise<MetadataRefusal | undefined> {
  const named = [
    ...(own === undefined ? [] : [['resource_server', own] as const]),
    ...rules.flatMap(({ subject_audience: from, audience: to }) =>
      [from, to].map((identifier) => ['token_exchange', identifier] as const),
    ),
  ];
  if (named.length === 0) return undefined;
  const identifiers = named.map(([, identifier]) => identifier);
  const rows = await transaction
    .selectFrom('apis')
    .select('identifier')
    .where('identifier', 'in', identifiers)
    .execute();
  const known = new Set(rows.map(({ identifier }) => identifier));
  const unknown = named.find(([, identifier]) => !known.has(identifier));
  return unknown === undefined
    ? undefined
    : refuseMetadata(`${unknown[0]} ${unknown[1]} is not a registered API`);
}
