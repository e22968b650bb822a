/**
 * What a backend of this room must do. Everything is addressed by digests (record-key.ts) and every payload is plain
 * JSON text here; sealing it is the backend's duty. All of test/grants/storage-contract.ts holds for each backend.
 */

import type { MaybePromise } from '../database/prepared-query.ts';

/** The store cannot answer or cannot keep a write now. It never means "there is no such record". */
export class StorageUnavailable extends Error {
  override name = 'StorageUnavailable';
}

/** A SHA-256 digest; see record-key.ts. */
export type RecordKey = Buffer;

/** What is kept of one token, code, interaction, pushed request or replay record. */
export interface StoredRecord {
  payload: string;
  /** The generation of its grant under which it was issued; null when it belongs to no grant. */
  generation: number | null;
  /** Unix time, s; null when never used. */
  consumedAt: number | null;
  /** Unix time, ms; grows with every write of this record, so that it also tells whether it is still the same. */
  writtenAt: number;
  /** When whoever proved themselves in it had not been ended, by the clock of endings (Unix time, ms); else `writtenAt` tells. */
  provedAt?: number;
  /** The store's time when it was read (Unix time, s), where its clock is not this machine's. */
  readAt?: number;
  /** What it stands on: their keys, and as they were in the same moment, for what the engine asks next. A backend may leave them out. */
  grantKey?: RecordKey | undefined;
  sessionKey?: RecordKey | undefined;
  grant?: StoredGrant;
  session?: StoredDocument;
}

/** A grant or a session, whose writes are merged with those of others. */
export interface StoredDocument {
  payload: string;
  /** Grows with every write. */
  version: number;
}

/** A grant: what one person allowed one client in one session. */
export interface StoredGrant extends StoredDocument {
  /** Every token carries the generation it was issued in; moving it on ends them all. */
  generation: number;
}

/** A record to keep. */
export interface RecordSave {
  model: string;
  key: RecordKey;
  payload: string;
  /** Unix time, s. */
  expiresAt: number;
  userCodeKey?: RecordKey;
  /** The session that it ends with. */
  sessionKey?: RecordKey;
  /** The grant it is issued under, and that grant's generation as this unit saw it (else as it is at the commit). */
  grant?: { key: RecordKey; generation: number | undefined };
  /**
   * What an existing record of this key means: `replace` it; replace it if it is `unchanged` since this unit read it
   * (who answers for a device first); `keep` it, since it says the same (the successor of a refresh token that is asked
   * for again); `refuse` the unit, since this may happen once (a replay record).
   */
  existing: 'replace' | 'unchanged' | 'keep' | 'refuse';
  /** What this unit read of it, if anything: a record that is gone since is not written again. */
  base?: { writtenAt: number };
  /** Who proved themselves in it; not kept when that person was ended since the unit began. */
  accountKey?: RecordKey;
}

/** A single use to be taken. */
export interface Consumption {
  model: string;
  key: RecordKey;
  grantKey: RecordKey | undefined;
  /** How long (s) after its first use it may be presented again; 0 for all but bearer refresh tokens. */
  graceSeconds: number;
  /** The record that a repeated use answers with; when that is not there or was used already, this use comes too late. */
  successorKey?: RecordKey;
}

/** A grant or session to write; `base` is what this unit read, so that others' writes since are merged. */
export interface GrantSave {
  key: RecordKey;
  payload: string;
  base: StoredDocument | undefined;
  accountKey: RecordKey;
  clientKey: RecordKey;
  expiresAt: number;
}

export interface SessionSave {
  uidKey: RecordKey;
  idKey: RecordKey;
  payload: string;
  base: StoredDocument | undefined;
  /** It says what `base` says, but for an end that is hardly later: a backend need not write it, and judges it all the same. */
  isAsRead: boolean;
  accountKey: RecordKey | undefined;
  expiresAt: number;
  /** Identifiers that this unit replaced. */
  formerIdKeys: RecordKey[];
  /** How long (s) those still lead to the session, for requests that left before the browser heard of the new one. */
  formerIdSeconds: number;
}

/** The writes of one request: all of them are kept, or none is. */
export interface Unit {
  /** When the request began; Unix time, ms. */
  startedAt: number;
  /** The same by `performance.now()`, for a backend whose clock is another: how long ago that is no clock that is set can change. */
  beganAt: number;
  /** What a write that may not be kept does to the unit: refuses all of it, or is left out (of a request that failed anyway). */
  onConflict: 'refuse' | 'skip';
  records: RecordSave[];
  consumptions: Consumption[];
  removals: { model: string; key: RecordKey }[];
  grants: GrantSave[];
  /** Grants that this unit read. A new grant may be a copy of one, so none is kept when one of them has ended since. */
  readGrants: RecordKey[];
  sessions: SessionSave[];
  /** Grants whose tokens end; `consent` ends the grant itself. */
  revocations: { grantKey: RecordKey; consent: boolean }[];
  endedSessions: RecordKey[];
}

/** Why nothing of a unit was kept, but proofs that were shown (records to `refuse`) and a revocation it brought about. */
export type RefusalReason =
  /** A code, pushed request or the like was used, answered or removed by somebody else first. */
  | 'already_used'
  /** A refresh token was used twice outside its grace: its family has been revoked. */
  | 'reused'
  /** What this unit was about to issue under was revoked meanwhile. */
  | 'grant_revoked'
  /** A proof or assertion was presented before. */
  | 'replayed'
  | 'session_ended'
  /** Somebody else signed in to this very session meanwhile. */
  | 'session_changed'
  /** The person was disabled or deleted, or their password changed, while this went on. */
  | 'account_ended';

export type CommitOutcome =
  /** `sessionId` is given when the session has another identifier by now than this unit knew: the browser needs it. */
  { outcome: 'committed'; sessionId?: string } | { outcome: 'refused'; reason: RefusalReason; model: string };

export interface GrantFilter {
  accountKey?: RecordKey;
  clientKey?: RecordKey;
}

/**
 * A backend. Reads answer nothing that has expired or ended; one whose store is in the process answers the frequent ones at
 * once. Every method rejects with, or throws, StorageUnavailable alone.
 */
export interface GrantStorage {
  /** How many commits there were, where the backend is a file. */
  readonly commits?: number;
  readRecord(model: string, key: RecordKey): MaybePromise<StoredRecord | undefined>;
  /** The same by the digest of a device flow's user code. */
  readRecordByUserCode(model: string, userCodeKey: RecordKey): Promise<StoredRecord | undefined>;
  readGrant(key: RecordKey): MaybePromise<StoredGrant | undefined>;
  /** The grant that this person gave this client last. */
  readLatestGrant(accountKey: RecordKey, clientKey: RecordKey): Promise<StoredGrant | undefined>;
  readSession(by: 'id' | 'uid', key: RecordKey): MaybePromise<StoredDocument | undefined>;
  /** When everything of this person was last ended; Unix time, ms. */
  readAccountEnding(accountKey: RecordKey): Promise<number | undefined>;
  apply(unit: Unit): Promise<CommitOutcome>;
  /** Ends a person's sessions and tokens, with `consent` also what they allowed; nothing in flight brings them back. */
  endAccount(accountKey: RecordKey, options: { consent: boolean }): Promise<void>;
  /** Ends grants with all their tokens; answers how many. */
  endGrants(filter: GrantFilter): Promise<number>;
  listGrants(filter: GrantFilter): Promise<{ payload: string; createdAt: number }[]>;
  listSessions(filter: { accountKey?: RecordKey }): Promise<{ payload: string }[]>;
  /** Removes at most `limit` expired records of each kind; answers whether there may be more. */
  sweep(limit: number): Promise<boolean>;
  /** Rejects when the store cannot be read. */
  check(): Promise<void>;
  close(): Promise<void>;
}
