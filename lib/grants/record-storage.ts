import type { MaybePromise } from '../database/prepared-query.ts';
import { type EnginePayload, type ModelStorage, notForThisModel, secondsNow } from './model-storage.ts';
import { modelKey, recordKey } from './record-key.ts';
import { REFRESH_TOKEN, type RefreshRotation } from './refresh-rotation.ts';
import type { GrantStorage, RecordKey, RecordSave, StoredRecord } from './storage.ts';
import { expiryOf } from './time-to-live.ts';
import type { KnownRecord } from './unit-memory.ts';
import type { UnitOfWork } from './unit-of-work.ts';
import type { UnitRunner } from './unit-runner.ts';

/** Answered by a person: who is first counts. */
const ANSWERED_ONCE = new Set(['DeviceCode', 'BackchannelAuthenticationRequest']);

/** Who proved themselves in an interaction: entirely, or as far as a second step. */
function loginOf(payload: EnginePayload): string | undefined {
  const { login, proved } = (payload.result ?? {}) as Partial<
    Record<'login' | 'proved', { accountId?: unknown }>
  >;
  const accountId = (login ?? proved)?.accountId;
  return typeof accountId === 'string' ? accountId : undefined;
}

/** An interaction names the grant that its answer may extend, but is not issued under it: it outlives a log-out. */
function grantKeyOf(model: string, payload: EnginePayload): RecordKey | undefined {
  // A token that was made from another client's ends with the grant of that one.
  const grantId = payload.grantId ?? payload.subjectGrantId;
  return typeof grantId === 'string' && model !== 'Interaction' ? recordKey('Grant', grantId) : undefined;
}

/** The session that a token ends with (OpenID Connect Core §11: without offline_access). */
function sessionKeyOf({ sessionUid, expiresWithSession }: EnginePayload): RecordKey | undefined {
  return typeof sessionUid === 'string' && expiresWithSession === true
    ? recordKey('session uid', sessionUid)
    : undefined;
}

/** Tokens, codes, interactions, pushed requests, replay records: each is one record with one key. */
export class RecordStorage implements ModelStorage {
  readonly #model: string;
  readonly #storage: GrantStorage;
  readonly #units: UnitRunner;
  readonly #rotation: RefreshRotation;

  constructor(model: string, storage: GrantStorage, units: UnitRunner, rotation: RefreshRotation) {
    this.#model = model;
    this.#storage = storage;
    this.#units = units;
    this.#rotation = rotation;
  }

  upsert(id: string, payload: EnginePayload, expiresIn?: number): Promise<void> {
    return this.#units.call(async (unit) => {
      const { consumed: _kept, ...stored } = payload;
      const grantKey = grantKeyOf(this.#model, payload);
      const { userCode } = payload;
      const sessionKey = sessionKeyOf(payload);
      const accountId = this.#model === 'Interaction' ? loginOf(payload) : undefined;
      unit.saveRecord({
        model: this.#model,
        key: this.#keyOf(id),
        payload: JSON.stringify(stored),
        expiresAt: expiryOf(expiresIn, secondsNow()),
        existing: this.#existing(),
        ...(typeof userCode === 'string' ? { userCodeKey: recordKey('user code', userCode) } : {}),
        ...(sessionKey === undefined ? {} : { sessionKey }),
        ...(accountId === undefined ? {} : { accountKey: recordKey('account', accountId) }),
        ...(grantKey === undefined
          ? {}
          : { grant: { key: grantKey, generation: unit.generationOf(grantKey) } }),
      });
    });
  }

  find(id: string): MaybePromise<EnginePayload | undefined> {
    return this.#units.call((unit) => {
      const known = this.#look(unit, this.#keyOf(id));
      return known instanceof Promise
        ? known.then((read) => this.#found(unit, read))
        : this.#found(unit, known);
    });
  }

  findByUserCode(userCode: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const userCodeKey = recordKey('user code', userCode);
      const own = unit.keyOfUserCode(userCodeKey);
      if (own !== undefined) return this.#found(unit, await this.#look(unit, own));
      const stored = await this.#storage.readRecordByUserCode(this.#model, userCodeKey);
      if (stored === undefined) return undefined;
      const { jti } = JSON.parse(stored.payload) as { jti: string };
      return this.#found(unit, await this.#look(unit, this.#keyOf(jti), stored));
    });
  }

  consume(id: string): Promise<void> {
    return this.#units.call(async (unit) => {
      const key = this.#keyOf(id);
      const known = await this.#look(unit, key);
      // Gone between the engine's look and now: the commit finds nothing to consume, and refuses.
      const payload = known === undefined ? {} : this.#payloadOf(known);
      const isRefreshToken = this.#model === REFRESH_TOKEN;
      const graceSeconds = isRefreshToken ? await this.#rotation.graceOf(payload) : 0;
      const successor = isRefreshToken
        ? await this.#rotation.chooseSuccessor(unit, id, known?.repeated === true)
        : undefined;
      unit.consumeRecord(
        {
          model: this.#model,
          key,
          grantKey: known?.grantKey,
          graceSeconds,
          ...(successor === undefined ? {} : { successorKey: this.#keyOf(successor) }),
        },
        known ?? { payload: '{}', consumedAt: null, writtenAt: 0, repeated: false },
      );
    });
  }

  destroy(id: string): Promise<void> {
    return this.#units.call(async (unit) => unit.removeRecord(this.#model, this.#keyOf(id)));
  }

  revokeByGrantId(grantId: string): Promise<void> {
    return this.#units.call(async (unit) => unit.revokeGrant(recordKey('Grant', grantId), false));
  }

  async findByUid(): Promise<never> {
    return notForThisModel('findByUid', this.#model);
  }

  #keyOf(id: string): RecordKey {
    return modelKey(this.#model, id);
  }

  #existing(): RecordSave['existing'] {
    if (this.#model === 'ReplayDetection') return 'refuse';
    if (ANSWERED_ONCE.has(this.#model)) return 'unchanged';
    return this.#model === REFRESH_TOKEN ? 'keep' : 'replace';
  }

  /** What the engine gets to see: nothing of what this very unit revokes. */
  #found(unit: UnitOfWork, known: KnownRecord | undefined): EnginePayload | undefined {
    // Another kind of token than was asked for is nothing.
    if (known === undefined || (known.kind ?? this.#model) !== this.#model) return undefined;
    const { grantKey } = known;
    return grantKey !== undefined && unit.revocationOf(grantKey) !== undefined
      ? undefined
      : this.#payloadOf(known);
  }

  #payloadOf(known: KnownRecord): EnginePayload {
    const payload = known.parsed ?? (JSON.parse(known.payload) as EnginePayload);
    known.parsed = undefined;
    return known.consumedAt === null || known.repeated ? payload : { ...payload, consumed: known.consumedAt };
  }

  /** At once where the backend answers at once: this is the hot path. */
  #look(unit: UnitOfWork, key: RecordKey, read?: StoredRecord): MaybePromise<KnownRecord | undefined> {
    const remembered = unit.record(key);
    if (remembered !== 'unread') return remembered;
    const stored = read ?? unit.readOnce(key, () => this.#storage.readRecord(this.#model, key));
    return stored instanceof Promise
      ? stored.then((found) => this.#learn(unit, key, found))
      : this.#learn(unit, key, stored);
  }

  #learn(
    unit: UnitOfWork,
    key: RecordKey,
    stored: StoredRecord | undefined,
  ): MaybePromise<KnownRecord | undefined> {
    // The engine asks for a token as each kind of token at once: the first who hears of it has learnt it for all.
    const learnt = unit.record(key);
    if (learnt !== 'unread') return learnt;
    if (stored === undefined) return unit.learnRecord(key, undefined);
    const payload = JSON.parse(stored.payload) as EnginePayload;
    const grantKey = stored.grantKey ?? grantKeyOf(this.#model, payload);
    if (grantKey !== undefined && stored.generation !== null) unit.seeGeneration(grantKey, stored.generation);
    const { grant, session } = stored;
    const uidKey = session === undefined ? undefined : (stored.sessionKey ?? sessionKeyOf(payload));
    unit.seeGround({
      ...(grant === undefined || grantKey === undefined ? {} : { grantKey, grant }),
      ...(session === undefined || uidKey === undefined ? {} : { uidKey, session }),
    });
    if (this.#model === 'Interaction') {
      return this.#withoutEndedLogin(stored, payload).then((left) =>
        unit.learnRecord(key, left, { grantKey, ...(left === stored ? { parsed: payload } : {}) }),
      );
    }
    const kind = typeof payload.kind === 'string' ? payload.kind : undefined;
    const isRefreshToken = (kind ?? this.#model) === REFRESH_TOKEN;
    const learn = (repeated: boolean): KnownRecord | undefined => {
      if (isRefreshToken && stored.consumedAt !== null && !repeated && grantKey !== undefined) {
        unit.sawReuse(grantKey, typeof payload.clientId === 'string' ? payload.clientId : undefined);
      }
      return unit.learnRecord(key, stored, { repeated, kind, parsed: payload, grantKey });
    };
    const repeated = isRefreshToken && this.#rotation.mayRepeat(stored, payload);
    return repeated instanceof Promise ? repeated.then(learn) : learn(repeated);
  }

  /** A person who was ended after they proved themselves, and before the engine heard of it, has to do so again. */
  async #withoutEndedLogin(stored: StoredRecord, payload: EnginePayload): Promise<StoredRecord> {
    const accountId = loginOf(payload);
    if (accountId === undefined) return stored;
    const endedAt = await this.#storage.readAccountEnding(recordKey('account', accountId));
    if (endedAt === undefined || endedAt < (stored.provedAt ?? stored.writtenAt)) return stored;
    const { login: _ended, proved: _proved, ...rest } = payload.result as Record<string, unknown>;
    return { ...stored, payload: JSON.stringify({ ...payload, result: rest }) };
  }
}
