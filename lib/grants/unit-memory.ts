import type { MaybePromise } from '../database/prepared-query.ts';
import type { RecordKey, StoredDocument, StoredGrant, StoredRecord } from './storage.ts';

/** What a unit knows of a record: what was read or is to be written. */
export interface KnownRecord {
  payload: string;
  consumedAt: number | null;
  writtenAt: number;
  /** A refresh token that was used before and may be presented again for a moment. */
  repeated: boolean;
  /** The payload parsed, for one reader: what it is handed it may change. */
  parsed?: Record<string, unknown> | undefined;
  grantKey?: RecordKey | undefined;
  /** The engine's word for what it is. */
  kind?: string | undefined;
}

/** What a unit holds of one record. */
export interface RecordEntry {
  /** Whether it has looked, or written. */
  looked: boolean;
  known: KnownRecord | undefined;
  reading: MaybePromise<StoredRecord | undefined>;
  base: { writtenAt: number } | undefined;
}

/** What a unit holds of one grant or session. */
export interface DocumentEntry {
  /** Its payload, as read or as it will be written, and what was read. */
  current: { base: StoredDocument | undefined; payload: string } | undefined;
  /** A grant's generation, as first seen. */
  generation: number | undefined;
  /** The key of a grant that was read for what it allows. */
  readGrant: RecordKey | undefined;
  /** What came along with a record, and nobody has asked for yet. */
  grantSeen: StoredGrant | undefined;
  sessionSeen: StoredDocument | undefined;
}

/** What a unit of work has read and will write, by the names of the keys. Made for each request: what is not used costs nothing. */
export class UnitMemory {
  readonly records = new Map<string, RecordEntry>();
  readonly documents = new Map<string, DocumentEntry>();

  record(name: string): RecordEntry {
    let entry = this.records.get(name);
    if (entry === undefined) {
      entry = { looked: false, known: undefined, reading: undefined, base: undefined };
      this.records.set(name, entry);
    }
    return entry;
  }

  document(name: string): DocumentEntry {
    let entry = this.documents.get(name);
    if (entry === undefined) {
      entry = {
        current: undefined,
        generation: undefined,
        readGrant: undefined,
        grantSeen: undefined,
        sessionSeen: undefined,
      };
      this.documents.set(name, entry);
    }
    return entry;
  }
}
