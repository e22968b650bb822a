/**
 * How values lie in Redis: a header of fixed length that scripts read and change in place, then what is sealed. Headers are
 * in the clear; what they tell (times, generations, digests of who and what) docs/storage.md names. Numbers are big-endian
 * doubles, because they are what Lua has.
 */
import type { RecordKey } from '../storage.ts';

/** In front of every value: a later layout will have another number. */
const LAYOUT = 1;
/** A unit's number, by which a script knows what it wrote itself when a command is sent twice. */
export const NONCE_BYTES = 12;
const KEY_BYTES = 32;
/** Of a client's digest in a grant's header and in indexes. */
const CLIENT_BYTES = 12;

/** Formats of Lua's `struct`, with the length of what they describe. */
export const RECORD_FORMAT = '>Bddddc12';
/** Length of a record's header. */
export const RECORD_BYTES = 45;
export const GRANT_FORMAT = '>BBddddc12c32c12';
/** Length of a grant's header. */
export const GRANT_BYTES = 90;
export const SESSION_FORMAT = '>BBddc12Bc32';
/** Length of a session's header. */
export const SESSION_BYTES = 63;

const NOBODY = Buffer.alloc(KEY_BYTES);

export interface RecordHeader {
  /** ms. */
  writtenAt: number;
  /** When it was last known that whoever proved themselves in it had not been ended, by the clock of endings, ms; 0 for nobody. */
  provedAt: number;
  /** s; 0 for never. */
  consumedAt: number;
  /** The unit that used it, when it was used. */
  consumer: Buffer;
  /** -1 for none. */
  generation: number;
}

/** What follows a record's header: what it stands on, and the sealed payload. */
export interface RecordBody {
  grantKey: RecordKey | undefined;
  sessionKey: RecordKey | undefined;
  sealed: Buffer;
}

export interface GrantValue {
  ended: boolean;
  version: number;
  generation: number;
  /** ms. */
  createdAt: number;
  /** Until when the indexes know of it, s. */
  indexedUntil: number;
  accountKey: RecordKey;
  client: Buffer;
  sealed: Buffer;
}

export interface SessionValue {
  ended: boolean;
  version: number;
  indexedUntil: number;
  accountKey: RecordKey | undefined;
  sealed: Buffer;
}

const none = Buffer.alloc(0);

/** Keys of what a record stands on, each behind its length. */
export function encodeBody({ grantKey = none, sessionKey = none, sealed }: Partial<RecordBody>): Buffer {
  const payload = sealed ?? none;
  const body = Buffer.allocUnsafe(2 + grantKey.length + sessionKey.length + payload.length);
  body[0] = grantKey.length;
  grantKey.copy(body, 1);
  body[1 + grantKey.length] = sessionKey.length;
  sessionKey.copy(body, 2 + grantKey.length);
  payload.copy(body, 2 + grantKey.length + sessionKey.length);
  return body;
}

function keyAt(value: Buffer, offset: number): RecordKey | undefined {
  const length = value[offset] ?? 0;
  return length === 0 ? undefined : value.subarray(offset + 1, offset + 1 + length);
}

/** Reads what the scripts keep of a record; parts are windows on `value`. Throws where another version wrote it (expectLayout). */
export function decodeRecord(value: Buffer): RecordHeader & RecordBody {
  expectLayout(value);
  const grantKey = keyAt(value, RECORD_BYTES);
  const sessionOffset = RECORD_BYTES + 1 + (grantKey?.length ?? 0);
  const sessionKey = keyAt(value, sessionOffset);
  return {
    writtenAt: value.readDoubleBE(1),
    provedAt: value.readDoubleBE(9),
    consumedAt: value.readDoubleBE(17),
    generation: value.readDoubleBE(25),
    consumer: value.subarray(RECORD_BYTES - NONCE_BYTES, RECORD_BYTES),
    grantKey,
    sessionKey,
    sealed: value.subarray(sessionOffset + 1 + (sessionKey?.length ?? 0)),
  };
}

/** The same of a grant, in whichever state it is. */
export function decodeGrant(value: Buffer): GrantValue {
  expectLayout(value);
  return {
    ended: value[1] === 1,
    version: value.readDoubleBE(2),
    generation: value.readDoubleBE(10),
    createdAt: value.readDoubleBE(18),
    indexedUntil: value.readDoubleBE(26),
    accountKey: value.subarray(46, 78),
    client: value.subarray(78, 78 + CLIENT_BYTES),
    sealed: value.subarray(GRANT_BYTES),
  };
}

/** The same of a session, in whichever state it is. */
export function decodeSession(value: Buffer): SessionValue {
  expectLayout(value);
  return {
    ended: value[1] === 1,
    version: value.readDoubleBE(2),
    indexedUntil: value.readDoubleBE(10),
    accountKey: value[30] === 1 ? value.subarray(31, SESSION_BYTES) : undefined,
    sealed: value.subarray(SESSION_BYTES),
  };
}

/** Who a session is of, as its header and its identifiers hold it. */
export function encodeOwner(accountKey: RecordKey | undefined): Buffer {
  return Buffer.concat([Buffer.from([accountKey === undefined ? 0 : 1]), accountKey ?? NOBODY]);
}

/** What an identifier of a session leads to, and for whom it was made. */
export function encodePointer(accountKey: RecordKey | undefined, uidKey: RecordKey): Buffer {
  return Buffer.concat([encodeOwner(accountKey), uidKey]);
}

/** Reads what `encodePointer` made. */
export function decodePointer(value: Buffer): { accountKey: RecordKey | undefined; uidKey: RecordKey } {
  const accountKey = value[0] === 1 ? value.subarray(1, 1 + KEY_BYTES) : undefined;
  return { accountKey, uidKey: value.subarray(1 + KEY_BYTES) };
}

/** An entry of an index, by which the thing is found: a grant of a client and when it was made, or a session. */
export type IndexEntry =
  | { kind: 'grant'; client: Buffer; createdAt: number; key: RecordKey }
  | { kind: 'session'; key: RecordKey };

/** As a member of a sorted set. */
export function encodeEntry(entry: IndexEntry): Buffer {
  if (entry.kind === 'session') return Buffer.concat([Buffer.from('s'), entry.key]);
  const createdAt = Buffer.alloc(6);
  createdAt.writeUIntBE(entry.createdAt, 0, 6);
  return Buffer.concat([Buffer.from('g'), entry.client, createdAt, entry.key]);
}

/** Reads what `encodeEntry` made. */
export function decodeEntry(member: Buffer): IndexEntry {
  if (member[0] === 's'.charCodeAt(0)) return { kind: 'session', key: member.subarray(1) };
  const client = member.subarray(1, 1 + CLIENT_BYTES);
  const createdAt = member.readUIntBE(1 + CLIENT_BYTES, 6);
  return { kind: 'grant', client, createdAt, key: member.subarray(7 + CLIENT_BYTES) };
}

/** What identifies a client in headers and entries. */
export function clientOf(clientKey: RecordKey): Buffer {
  return clientKey.subarray(0, CLIENT_BYTES);
}

function expectLayout(value: Buffer): void {
  if (value[0] !== LAYOUT) throw new Error(`a value in Redis has the unknown layout ${value[0]}`);
}
