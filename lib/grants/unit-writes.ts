import type { Consumption, GrantSave, RecordKey, RecordSave, SessionSave } from './storage.ts';

/** What a unit of work wants written, by the names of its keys. Most requests only read, and have none. */
export class UnitWrites {
  readonly records = new Map<string, RecordSave>();
  readonly consumptions = new Map<string, Consumption>();
  readonly removals = new Map<string, { model: string; key: RecordKey }>();
  readonly grants = new Map<string, GrantSave>();
  readonly revocations = new Map<string, { grantKey: RecordKey; consent: boolean }>();
  readonly sessions = new Map<string, SessionSave>();
  readonly endedSessions = new Map<string, RecordKey>();
  /** Identifiers that were dropped, by session. */
  readonly formerIds = new Map<string, Map<string, RecordKey>>();
  readonly keyOfUserCode = new Map<string, RecordKey>();
  /** Refresh tokens that take the place of others, by those others. */
  readonly successors = new Map<string, string>();
  /** Clients whose used refresh tokens were presented again, by grant. */
  readonly reused = new Map<string, string | undefined>();
}
