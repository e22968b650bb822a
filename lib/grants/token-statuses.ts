import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { deflate as deflateCallback, inflateSync } from 'node:zlib';
import { recordKey } from './record-key.ts';
import { type GrantStorage, StorageUnavailable, type StoredRecord } from './storage.ts';

const deflate = promisify(deflateCallback);

/** Statuses in one list, of one bit each: 8 KiB before compression, and enough that an index tells nothing. */
export const STATUSES_PER_LIST = 65_536;

const MODEL = 'TokenStatusList';
/** Somebody else was quicker so many times: then it is not others any more. */
const MOST_TRIES = 100;

/** Where the status of JWT access tokens is published (Token Status List draft §6.1). */
export interface TokenStatusPlace {
  list: string;
  index: number;
  /** Until when anything points there; Unix time, s. */
  expiresAt: number;
}

/** The places that a grant's payload names: one for each client that has JWT access tokens under it, and each list. */
export function placesNamedBy(payload: {
  tokenStatuses?: unknown;
}): (TokenStatusPlace & { clientId: string })[] {
  return Array.isArray(payload.tokenStatuses) ? payload.tokenStatuses : [];
}

/**
 * Which JWT access tokens were revoked before they expired. A list is stored only when something in it was revoked, as
 * one record of bounded size that goes when the last token that points into it has expired. Two processes that revoke in
 * one list at once both do: each writes what it has read only if nobody else wrote since, and else reads again.
 */
export class TokenStatuses {
  readonly #storage: GrantStorage;

  constructor(storage: GrantStorage) {
    this.#storage = storage;
  }

  /** The list's bits, compressed as `lst` of RFC draft §4.2 in base64url; undefined when nothing in it was revoked. */
  async read(list: string): Promise<string | undefined> {
    return lstOf(await this.#storage.readRecord(MODEL, recordKey(MODEL, list)));
  }

  async isRevoked({ list, index }: Pick<TokenStatusPlace, 'list' | 'index'>): Promise<boolean> {
    const lst = await this.read(list);
    return lst !== undefined && bitAt(bitsOf(lst), index);
  }

  /** Publishes all of these as revoked. Rejects with StorageUnavailable. */
  async revoke(places: ReadonlyArray<TokenStatusPlace>): Promise<void> {
    const lists = Map.groupBy(places, ({ list }) => list);
    await Promise.all([...lists].map(([list, inList]) => this.#revokeIn(list, inList)));
  }

  async #revokeIn(list: string, places: ReadonlyArray<TokenStatusPlace>): Promise<void> {
    const key = recordKey(MODEL, list);
    const expiresAt = Math.max(...places.map((place) => place.expiresAt));
    if (expiresAt <= Date.now() / 1000) return;
    for (let attempt = 1; attempt <= MOST_TRIES; attempt += 1) {
      const stored = await this.#storage.readRecord(MODEL, key);
      const bits = bitsOf(lstOf(stored));
      if (places.every(({ index }) => bitAt(bits, index))) return;
      for (const { index } of places) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
      const lst = (await deflate(bits)).toString('base64url');
      const outcome = await this.#storage.apply({
        startedAt: Date.now(),
        beganAt: performance.now(),
        onConflict: 'refuse',
        records: [
          {
            model: MODEL,
            key,
            payload: JSON.stringify({ lst }),
            expiresAt,
            existing: 'unchanged',
            ...(stored === undefined ? {} : { base: { writtenAt: stored.writtenAt } }),
          },
        ],
        ...{ consumptions: [], removals: [], grants: [], readGrants: [] },
        ...{ sessions: [], revocations: [], endedSessions: [] },
      });
      if (outcome.outcome === 'committed') return;
      await sleep(Math.random() * attempt);
    }
    throw new StorageUnavailable('a list of revoked tokens changed faster than it could be written');
  }
}

function lstOf(stored: StoredRecord | undefined): string | undefined {
  return stored === undefined ? undefined : (JSON.parse(stored.payload) as { lst: string }).lst;
}

function bitsOf(lst: string | undefined): Buffer {
  return lst === undefined ? Buffer.alloc(STATUSES_PER_LIST / 8) : inflateSync(Buffer.from(lst, 'base64url'));
}

function bitAt(bits: Buffer, index: number): boolean {
  return ((bits[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
}

/** `lst` of a list in which nothing was revoked. */
export async function emptyStatusList(): Promise<string> {
  return (await deflate(bitsOf(undefined))).toString('base64url');
}
