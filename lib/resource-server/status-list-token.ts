import { errors, jwtVerify } from 'jose';
import type { IssuerKeys } from './issuer-keys.ts';

/** Bytes of the largest list: a million statuses of one bit, and no more however well it is compressed. */
const LARGEST_LIST = 131_072;
/** How long (s) a list is used that does not say so. */
const DEFAULT_TTL = 300;

/** Where a token's status is (Token Status List draft §6.1). */
export interface StatusReference {
  index: number;
  uri: string;
}

/** A verified list. */
export interface StatusList {
  /** The status of an index; undefined beyond the list's end. 0 is valid, everything else is not. */
  statusAt(index: number): number | undefined;
  /** For how long (s) it may be used from now on. */
  freshFor: number;
}

/** Where the status of a token is, by its claims; undefined when it has none, a text when it cannot be understood. */
export function statusReferenceOf(
  claims: Readonly<Record<string, unknown>>,
): StatusReference | string | undefined {
  if (claims.status === undefined) return undefined;
  const list = (claims.status as { status_list?: { idx?: unknown; uri?: unknown } } | null)?.status_list;
  // Another way of telling a status (§6.1 leaves room for them): what cannot be asked for must not pass for valid.
  if (typeof list !== 'object' || list === null) return '"status" claim has no status_list';
  if (!Number.isSafeInteger(list.idx) || Number(list.idx) < 0 || typeof list.uri !== 'string') {
    return '"status" claim has no idx and uri';
  }
  return { index: Number(list.idx), uri: list.uri };
}

/**
 * Verifies a status list token (Token Status List draft §8.3): signed by the issuer, for this address, not expired.
 *
 * @throws {Error} that says what is wrong with it.
 */
export async function readStatusList(
  token: string,
  {
    uri,
    keys,
    algorithms,
    clockTolerance,
  }: {
    uri: string;
    keys: IssuerKeys;
    algorithms: string[];
    clockTolerance: number;
  },
): Promise<StatusList> {
  const { payload } = await jwtVerify(token, keys.keyFor, {
    algorithms,
    clockTolerance,
    typ: 'statuslist+jwt',
    subject: uri,
    requiredClaims: ['iat', 'sub', 'status_list'],
  });
  const { bits, lst } = payload.status_list as { bits?: unknown; lst?: unknown };
  if (![1, 2, 4, 8].includes(bits as number) || typeof lst !== 'string') {
    throw new errors.JWTInvalid('status_list has no bits and lst');
  }
  const bytes = await inflate(lst);
  const width = bits as number;
  const { iat = 0, exp, ttl } = payload as { iat?: number; exp?: number; ttl?: unknown };
  const now = Date.now() / 1000;
  const age = Math.max(0, now - iat);
  const lifetime = typeof ttl === 'number' && ttl > 0 ? ttl : DEFAULT_TTL;
  return {
    statusAt(index) {
      const byte = bytes[Math.floor((index * width) / 8)];
      return byte === undefined ? undefined : (byte >> ((index * width) % 8)) & ((1 << width) - 1);
    },
    freshFor: Math.min(lifetime - age, exp === undefined ? lifetime : exp - now),
  };
}

/** Inflates a list (ZLIB, RFC 1950, in base64url), and refuses one that grows beyond any size it may have. */
async function inflate(lst: string): Promise<Uint8Array> {
  const compressed = Uint8Array.from(atob(lst.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  );
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    size += chunk.length;
    if (size > LARGEST_LIST) throw new Error('the status list is too large');
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}
