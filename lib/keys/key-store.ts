import type { JWK } from 'jose';
import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { KeyRecord, KeyState } from './key-life.ts';
import type { KeyMaterial } from './key-material.ts';

type Query = Kysely<DatabaseSchema>;

/** A key as it is stored, with its keys: the public one in clear, the private one sealed (absent once retired). */
export interface StoredKey extends KeyRecord {
  publicJwk: JWK;
  sealedPrivateKey: Uint8Array | null;
}

/** What a private key is sealed for: it opens in its own row only. */
export function sealingContext(kid: string): string {
  return `signing-key:${kid}`;
}

/** All keys, oldest first, with those that were withdrawn. */
export async function readKeys(query: Query): Promise<StoredKey[]> {
  const rows = await query
    .selectFrom('signing_keys')
    .selectAll()
    .orderBy('created_at')
    .orderBy('kid')
    .execute();
  return rows.map((row) => ({
    kid: row.kid,
    algorithm: row.algorithm,
    state: row.withdrawn_at === null ? (row.state as KeyState) : 'withdrawn',
    createdAt: row.created_at,
    activatesAt: row.activates_at,
    activatedAt: row.activated_at,
    retiredAt: row.retired_at,
    expiresAt: row.expires_at,
    externalKey: row.external_key,
    publicJwk: JSON.parse(row.public_jwk) as JWK,
    sealedPrivateKey: row.private_key,
  }));
}

/** The life of every key, without the keys themselves. */
export async function readRecords(query: Query): Promise<KeyRecord[]> {
  return (await readKeys(query)).map(
    ({ publicJwk: _public, sealedPrivateKey: _private, ...record }) => record,
  );
}

/** A key that is ready to be stored: sealing is done before the transaction begins. */
export type SealedMaterial = Omit<KeyMaterial, 'privateKey'> &
  ({ sealedPrivateKey: Buffer; externalKey: null } | { sealedPrivateKey: null; externalKey: string });

/** A pair of our own, with its private part sealed for its own row. */
export function sealMaterial(database: Database, material: KeyMaterial): SealedMaterial {
  const { privateKey, ...rest } = material;
  const sealedPrivateKey = database.sealer.seal(privateKey, sealingContext(material.kid));
  return { ...rest, sealedPrivateKey, externalKey: null };
}

/** Stores a new key: active at once when `activatesAt` is not later than `now`, else announced. */
export async function insertKey(
  transaction: Query,
  material: SealedMaterial,
  times: { now: number; activatesAt: number },
): Promise<void> {
  const active = times.activatesAt <= times.now;
  await transaction
    .insertInto('signing_keys')
    .values({
      kid: material.kid,
      algorithm: material.algorithm,
      state: active ? 'active' : 'announced',
      public_jwk: JSON.stringify(material.publicJwk),
      private_key: material.sealedPrivateKey,
      external_key: material.externalKey,
      created_at: times.now,
      activates_at: times.activatesAt,
      activated_at: active ? times.now : null,
      retired_at: null,
      expires_at: null,
      withdrawn_at: null,
    })
    .execute();
}

/** Has an announced key sign from `now` (Unix time, ms) on. */
export async function activateKey(transaction: Query, kid: string, now: number): Promise<void> {
  await transaction
    .updateTable('signing_keys')
    .set({ state: 'active', activated_at: now, activates_at: now })
    .where('kid', '=', kid)
    .execute();
}

/** Retires a key and forgets its private part: whoever steals the database later cannot sign with it. */
export async function retireKey(
  transaction: Query,
  kid: string,
  now: number,
  expiresAt: number,
): Promise<void> {
  await transaction
    .updateTable('signing_keys')
    .set({ state: 'retired', private_key: null, retired_at: now, expires_at: expiresAt })
    .where('kid', '=', kid)
    .execute();
}

/** Has an announced key become active at another time (Unix time, ms). */
export async function hastenKey(transaction: Query, kid: string, activatesAt: number): Promise<void> {
  await transaction
    .updateTable('signing_keys')
    .set({ activates_at: activatesAt })
    .where('kid', '=', kid)
    .execute();
}

/** Keeps the name of a key that is no key any more: the configuration of some process may still ask for it. */
export async function withdrawExternalKey(transaction: Query, kid: string, now: number): Promise<void> {
  await transaction
    .updateTable('signing_keys')
    .set({ state: 'retired', retired_at: now, expires_at: now, withdrawn_at: now })
    .where('kid', '=', kid)
    .execute();
}

/** Forgets a key altogether: what it signed cannot be verified any more. */
export async function removeKey(transaction: Query, kid: string): Promise<void> {
  await transaction.deleteFrom('signing_keys').where('kid', '=', kid).execute();
}
