import { secondsNow } from './model-storage.ts';
import type {
  Consumption,
  GrantSave,
  RecordKey,
  RecordSave,
  SessionSave,
  StoredDocument,
  StoredGrant,
  StoredRecord,
  Unit,
} from './storage.ts';
import { UnitWrites } from './unit-writes.ts';

/** How much of a request is kept: all of it, or, after an error, what ends something and what is no more than state. */
export type CommitScope = 'everything' | 'revocations-and-state';

/** What survives a request that failed: its place in the conversation, and proofs that must not be shown again. */
const STATE_MODELS = new Set(['Interaction', 'ReplayDetection']);

const nameOf = (key: RecordKey): string => key.toString('latin1');

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

/**
 * One request's memory: what it read, so that others' writes since are noticed, and what it wants written. Nothing
 * is written before its end.
 */
export class UnitOfWork {
  readonly startedAt = Date.now();
  readonly #known = new Map<string, KnownRecord | undefined>();
  readonly #reading = new Map<string, Promise<StoredRecord | undefined>>();
  readonly #recordBases = new Map<string, { writtenAt: number }>();
  readonly #documents = new Map<string, { base: StoredDocument | undefined; payload: string }>();
  readonly #generations = new Map<string, number>();
  readonly #readGrants = new Map<string, RecordKey>();
  readonly #grantsSeen = new Map<string, StoredGrant>();
  readonly #sessionsSeen = new Map<string, StoredDocument>();
  readonly #sessionOfId = new Map<string, RecordKey>();
  #writes: UnitWrites | undefined;
  #finished = false;

  /** Whether its writes were handed over; what comes later is not of this unit. */
  get isFinished(): boolean {
    return this.#finished;
  }

  /** What this unit knows of a record; `unread` when it has not looked yet. */
  record(key: RecordKey): KnownRecord | 'unread' | undefined {
    const name = nameOf(key);
    return this.#known.has(name) ? this.#known.get(name) : 'unread';
  }

  /** Reads a record, for however many ask for it at the same time. */
  readOnce(key: RecordKey, read: () => Promise<StoredRecord | undefined>): Promise<StoredRecord | undefined> {
    const name = nameOf(key);
    const reading = this.#reading.get(name) ?? read();
    this.#reading.set(name, reading);
    return reading;
  }

  learnRecord(
    key: RecordKey,
    stored: StoredRecord | undefined,
    more: Partial<Pick<KnownRecord, 'repeated' | 'parsed' | 'grantKey' | 'kind'>> = {},
  ): KnownRecord | undefined {
    const known = stored === undefined ? undefined : { repeated: false, ...stored, ...more };
    this.#known.set(nameOf(key), known);
    if (stored !== undefined) this.#recordBases.set(nameOf(key), { writtenAt: stored.writtenAt });
    return known;
  }

  saveRecord(save: Omit<RecordSave, 'base'>): void {
    const name = nameOf(save.key);
    const base = this.#recordBases.get(name);
    this.#toWrite.records.set(name, base === undefined ? save : { ...save, base });
    if (save.userCodeKey !== undefined) this.#toWrite.keyOfUserCode.set(nameOf(save.userCodeKey), save.key);
    this.#toWrite.removals.delete(name);
    const consumedAt = this.#known.get(name)?.consumedAt ?? null;
    this.#known.set(name, {
      payload: save.payload,
      consumedAt,
      writtenAt: this.startedAt,
      repeated: false,
      grantKey: save.grant?.key,
      kind: save.model,
    });
  }

  /** The record with this user code, if this unit writes one. */
  keyOfUserCode(userCodeKey: RecordKey): RecordKey | undefined {
    return this.#writes?.keyOfUserCode.get(nameOf(userCodeKey));
  }

  consumeRecord(consumption: Consumption, known: KnownRecord): void {
    const name = nameOf(consumption.key);
    this.#toWrite.consumptions.set(name, consumption);
    const consumedAt = secondsNow();
    this.#known.set(name, { ...known, consumedAt, repeated: false, parsed: undefined });
  }

  removeRecord(model: string, key: RecordKey): void {
    const name = nameOf(key);
    this.#toWrite.records.delete(name);
    this.#toWrite.removals.set(name, { model, key });
    this.#known.set(name, undefined);
  }

  /** The first generation of a grant that this unit saw is the one it acts under. */
  seeGeneration(grantKey: RecordKey, generation: number): void {
    const name = nameOf(grantKey);
    if (!this.#generations.has(name)) this.#generations.set(name, generation);
  }

  /** A grant was read for what it allows. */
  readGrant(key: RecordKey, stored: StoredGrant): void {
    this.learnDocument(key, stored);
    this.seeGeneration(key, stored.generation);
    this.#readGrants.set(nameOf(key), key);
  }

  /** What came along with a record, for whoever asks for it next. */
  seeGround(ground: {
    grantKey?: RecordKey;
    grant?: StoredGrant;
    uidKey?: RecordKey;
    session?: StoredDocument;
  }): void {
    const { grantKey, grant, uidKey, session } = ground;
    if (grantKey !== undefined && grant !== undefined) this.#grantsSeen.set(nameOf(grantKey), grant);
    if (uidKey !== undefined && session !== undefined) this.#sessionsSeen.set(nameOf(uidKey), session);
  }

  grantSeen(key: RecordKey): StoredGrant | undefined {
    return this.#grantsSeen.get(nameOf(key));
  }

  sessionSeen(uidKey: RecordKey): StoredDocument | undefined {
    return this.#sessionsSeen.get(nameOf(uidKey));
  }

  generationOf(grantKey: RecordKey): number | undefined {
    return this.#generations.get(nameOf(grantKey));
  }

  /** The refresh token that takes the place of another, by the other's id. */
  chooseSuccessor(refreshTokenId: string, successorId: string): void {
    this.#toWrite.successors.set(refreshTokenId, successorId);
  }

  successorOf(refreshTokenId: string): string | undefined {
    return this.#writes?.successors.get(refreshTokenId);
  }

  /** A refresh token was presented that had been used; whether that ends its family the engine decides. */
  sawReuse(grantKey: RecordKey, clientId: string | undefined): void {
    this.#toWrite.reused.set(nameOf(grantKey), clientId);
  }

  /** Clients whose refresh token family this unit ends, because of a reuse. */
  endedForReuse(): (string | undefined)[] {
    const { reused = [], revocations } = this.#writes ?? {};
    return [...reused].filter(([grant]) => revocations?.has(grant)).map(([, clientId]) => clientId);
  }

  /** The payload of a grant or session as this unit knows it. */
  document(key: RecordKey): string | undefined {
    return this.#documents.get(nameOf(key))?.payload;
  }

  /** The payload as this unit read it. */
  baseOf(key: RecordKey): string | undefined {
    return this.#documents.get(nameOf(key))?.base?.payload;
  }

  learnDocument(key: RecordKey, stored: StoredDocument): void {
    this.#documents.set(nameOf(key), { base: stored, payload: stored.payload });
  }

  saveGrant(save: Omit<GrantSave, 'base'>): void {
    this.#toWrite.grants.set(nameOf(save.key), { ...save, base: this.#rewrite(save.key, save.payload) });
  }

  revokeGrant(grantKey: RecordKey, consent: boolean): void {
    const name = nameOf(grantKey);
    const before = this.#toWrite.revocations.get(name);
    this.#toWrite.revocations.set(name, { grantKey, consent: consent || before?.consent === true });
    if (consent) {
      this.#toWrite.grants.delete(name);
      this.#documents.delete(name);
    }
  }

  /** What this unit ends of a grant: its tokens, or with them the consent. */
  revocationOf(grantKey: RecordKey): 'tokens' | 'consent' | undefined {
    const revocation = this.#writes?.revocations.get(nameOf(grantKey));
    if (revocation === undefined) return undefined;
    return revocation.consent ? 'consent' : 'tokens';
  }

  learnSessionId(idKey: RecordKey, uidKey: RecordKey): void {
    this.#sessionOfId.set(nameOf(idKey), uidKey);
  }

  sessionOfId(idKey: RecordKey): RecordKey | undefined {
    return this.#sessionOfId.get(nameOf(idKey));
  }

  /** A dropped identifier means a log-out, unless the same session is saved under another one. */
  dropSessionId(idKey: RecordKey, uidKey: RecordKey): void {
    const name = nameOf(uidKey);
    const former = this.#toWrite.formerIds.get(name) ?? new Map<string, RecordKey>();
    this.#toWrite.formerIds.set(name, former.set(nameOf(idKey), idKey));
    this.#toWrite.sessions.delete(name);
    this.#toWrite.endedSessions.set(name, uidKey);
  }

  /** Whether this unit ends the session. */
  endsSession(uidKey: RecordKey): boolean {
    return this.#writes?.endedSessions.has(nameOf(uidKey)) === true;
  }

  saveSession(save: Omit<SessionSave, 'base' | 'formerIdKeys'>): void {
    const name = nameOf(save.uidKey);
    this.#toWrite.endedSessions.delete(name);
    const former = [...(this.#toWrite.formerIds.get(name)?.values() ?? [])];
    this.#toWrite.sessions.set(name, {
      ...save,
      base: this.#rewrite(save.uidKey, save.payload),
      formerIdKeys: former.filter((idKey) => !idKey.equals(save.idKey)),
    });
    this.learnSessionId(save.idKey, save.uidKey);
  }

  /** What is to be written; undefined when that is nothing. */
  finish(scope: CommitScope): Unit | undefined {
    this.#finished = true;
    const writes = this.#writes;
    if (writes === undefined) return undefined;
    const everything = scope === 'everything';
    const records = [...writes.records.values()];
    const unit = {
      records: everything ? records : records.filter(({ model }) => STATE_MODELS.has(model)),
      consumptions: everything ? [...writes.consumptions.values()] : [],
      removals: [...writes.removals.values()],
      grants: everything ? [...writes.grants.values()] : [],
      sessions: [...writes.sessions.values()],
      revocations: [...writes.revocations.values()],
      endedSessions: [...writes.endedSessions.values()],
    };
    if (Object.values(unit).every((part) => part.length === 0)) return undefined;
    return {
      ...unit,
      startedAt: this.startedAt,
      onConflict: everything ? 'refuse' : 'skip',
      readGrants: [...this.#readGrants.values()],
    };
  }

  get #toWrite(): UnitWrites {
    this.#writes ??= new UnitWrites();
    return this.#writes;
  }

  /** Remembers a document's new payload; answers what it was when this unit read it. */
  #rewrite(key: RecordKey, payload: string): StoredDocument | undefined {
    const name = nameOf(key);
    const base = this.#documents.get(name)?.base;
    this.#documents.set(name, { base, payload });
    return base;
  }
}
