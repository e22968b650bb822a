import type { MaybePromise } from '../database/prepared-query.ts';
import type { RequestNote } from '../observability/request-note.ts';
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
import { type KnownRecord, UnitMemory } from './unit-memory.ts';
import { UnitWrites } from './unit-writes.ts';

/** How much of a request is kept: all of it, or, after an error, what ends something and what is no more than state. */
export type CommitScope = 'everything' | 'revocations-and-state';

/** What survives a request that failed: its place in the conversation, and proofs that must not be shown again. */
const STATE_MODELS = new Set(['Interaction', 'ReplayDetection']);

const nameOf = (key: RecordKey): string => key.toString('latin1');

/**
 * One request's memory: what it read, so that others' writes since are noticed, and what it wants written. Nothing
 * is written before its end.
 */
export class UnitOfWork {
  readonly startedAt = Date.now();
  readonly #beganAt = performance.now();
  /** The request that it belongs to, where there is one. */
  readonly request: RequestNote | undefined;
  readonly #memory = new UnitMemory();
  readonly #sessionOfId = new Map<string, RecordKey>();
  #writes: UnitWrites | undefined;
  #finished = false;

  constructor(request?: RequestNote) {
    this.request = request;
  }

  /** Whether its writes were handed over; what comes later is not of this unit. */
  get isFinished(): boolean {
    return this.#finished;
  }

  /** What this unit knows of a record; `unread` when it has not looked yet. */
  record(key: RecordKey): KnownRecord | 'unread' | undefined {
    const entry = this.#memory.records.get(nameOf(key));
    return entry?.looked === true ? entry.known : 'unread';
  }

  /** Reads a record, for however many ask for it at the same time. */
  readOnce(
    key: RecordKey,
    read: () => MaybePromise<StoredRecord | undefined>,
  ): MaybePromise<StoredRecord | undefined> {
    const entry = this.#memory.record(nameOf(key));
    entry.reading ??= read();
    return entry.reading;
  }

  learnRecord(
    key: RecordKey,
    stored: StoredRecord | undefined,
    more: Partial<Pick<KnownRecord, 'repeated' | 'parsed' | 'grantKey' | 'kind'>> = {},
  ): KnownRecord | undefined {
    const entry = this.#memory.record(nameOf(key));
    entry.looked = true;
    entry.known = stored === undefined ? undefined : { repeated: false, ...stored, ...more };
    if (stored !== undefined) entry.base = { writtenAt: stored.writtenAt };
    return entry.known;
  }

  saveRecord(save: Omit<RecordSave, 'base'>): void {
    const name = nameOf(save.key);
    const entry = this.#memory.record(name);
    const { base } = entry;
    this.#toWrite.records.set(name, base === undefined ? save : { ...save, base });
    if (save.userCodeKey !== undefined) this.#toWrite.keyOfUserCode.set(nameOf(save.userCodeKey), save.key);
    this.#toWrite.removals.delete(name);
    entry.looked = true;
    entry.known = {
      payload: save.payload,
      consumedAt: entry.known?.consumedAt ?? null,
      writtenAt: this.startedAt,
      repeated: false,
      grantKey: save.grant?.key,
      kind: save.model,
    };
  }

  /** The record with this user code, if this unit writes one. */
  keyOfUserCode(userCodeKey: RecordKey): RecordKey | undefined {
    return this.#writes?.keyOfUserCode.get(nameOf(userCodeKey));
  }

  consumeRecord(consumption: Consumption, known: KnownRecord): void {
    const name = nameOf(consumption.key);
    this.#toWrite.consumptions.set(name, consumption);
    const entry = this.#memory.record(name);
    entry.looked = true;
    entry.known = { ...known, consumedAt: secondsNow(), repeated: false, parsed: undefined };
  }

  removeRecord(model: string, key: RecordKey): void {
    const name = nameOf(key);
    this.#toWrite.records.delete(name);
    this.#toWrite.removals.set(name, { model, key });
    const entry = this.#memory.record(name);
    entry.looked = true;
    entry.known = undefined;
  }

  /** The first generation of a grant that this unit saw is the one it acts under. */
  seeGeneration(grantKey: RecordKey, generation: number): void {
    this.#memory.document(nameOf(grantKey)).generation ??= generation;
  }

  /** A grant was read for what it allows. */
  readGrant(key: RecordKey, stored: StoredGrant): void {
    this.learnDocument(key, stored);
    this.seeGeneration(key, stored.generation);
    this.#memory.document(nameOf(key)).readGrant = key;
  }

  /** What came along with a record, for whoever asks for it next. */
  seeGround(ground: {
    grantKey?: RecordKey;
    grant?: StoredGrant;
    uidKey?: RecordKey;
    session?: StoredDocument;
  }): void {
    const { grantKey, grant, uidKey, session } = ground;
    if (grantKey !== undefined && grant !== undefined)
      this.#memory.document(nameOf(grantKey)).grantSeen = grant;
    if (uidKey !== undefined && session !== undefined)
      this.#memory.document(nameOf(uidKey)).sessionSeen = session;
  }

  grantSeen(key: RecordKey): StoredGrant | undefined {
    return this.#memory.documents.get(nameOf(key))?.grantSeen;
  }

  sessionSeen(uidKey: RecordKey): StoredDocument | undefined {
    return this.#memory.documents.get(nameOf(uidKey))?.sessionSeen;
  }

  generationOf(grantKey: RecordKey): number | undefined {
    return this.#memory.documents.get(nameOf(grantKey))?.generation;
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
    return this.#memory.documents.get(nameOf(key))?.current?.payload;
  }

  /** The payload as this unit read it. */
  baseOf(key: RecordKey): string | undefined {
    return this.#memory.documents.get(nameOf(key))?.current?.base?.payload;
  }

  learnDocument(key: RecordKey, stored: StoredDocument): void {
    this.#memory.document(nameOf(key)).current = { base: stored, payload: stored.payload };
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
      this.#memory.document(name).current = undefined;
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
      beganAt: this.#beganAt,
      onConflict: everything ? 'refuse' : 'skip',
      readGrants: [...this.#memory.documents.values()].flatMap(({ readGrant }) => readGrant ?? []),
    };
  }

  get #toWrite(): UnitWrites {
    this.#writes ??= new UnitWrites();
    return this.#writes;
  }

  /** Remembers a document's new payload; answers what it was when this unit read it. */
  #rewrite(key: RecordKey, payload: string): StoredDocument | undefined {
    const name = nameOf(key);
    const entry = this.#memory.document(name);
    const base = entry.current?.base;
    entry.current = { base, payload };
    return base;
  }
}
