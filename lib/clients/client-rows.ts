import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../database/schema.ts';
import type { ClientsTable } from '../database/tables/clients.ts';
import { type ClientMetadata, type MetadataRefusal, refuseMetadata } from './metadata/client-metadata.ts';

const CLIENT_ID_BYTES = 16;

/** 128 random bits. Never with a hyphen in front: on a command line it would be taken for an option. */
export function generateClientId(): string {
  for (;;) {
    const clientId = randomBytes(CLIENT_ID_BYTES).toString('base64url');
    if (!clientId.startsWith('-')) return clientId;
  }
}

/** The row of a client, read inside a transaction. */
export function rowOf(
  transaction: Kysely<DatabaseSchema>,
  clientId: string,
): Promise<ClientsTable | undefined> {
  return transaction.selectFrom('clients').selectAll().where('client_id', '=', clientId).executeTakeFirst();
}

/** Members in one order, whatever order they were given in. */
export function serialise(metadata: ClientMetadata): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1))),
  );
}

/** The present metadata with the given members in place of its own; null removes one. */
export function merge(present: ClientMetadata, given: unknown): unknown {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries({ ...present, ...given }).filter(([, value]) => value !== null));
}

/** A client_id that is also somebody's sub would let a client pass for that person (RFC 9700 §4.15). */
export async function nameTaken(
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

/** Why these members name an API that is not registered. */
export async function unknownApi(
  transaction: Kysely<DatabaseSchema>,
  { resource_server: own, default_resource: usual, token_exchange: rules = [] }: ClientMetadata,
): Promise<MetadataRefusal | undefined> {
  const named = [
    ...(own === undefined ? [] : [['resource_server', own] as const]),
    ...(usual === undefined ? [] : [['default_resource', usual] as const]),
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
