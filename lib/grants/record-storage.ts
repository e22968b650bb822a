import { recordKey } from './record-key.ts';
import { type RefreshRotation, REFRESH_TOKEN } from './refresh-rotation.ts';
import type { GrantStorage, RecordKey, StoredRecord } from './storage.ts';
import { type EnginePayload, type ModelStorage, notForThisModel, secondsNow } from './model-storage.ts';
import { expiryOf } from './time-to-live.ts';
import type { KnownRecord, UnitOfWork } from './unit-of-work.ts';
import type { UnitRunner } from './unit-runner.ts';

const grantKeyOf = (payload: EnginePayload): RecordKey | undefined =>
  typeof payload.grantId === 'string' ? recordKey('Grant', payload.grantId) : undefined;

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
      const grantKey = grantKeyOf(payload);
      const { userCode } = payload;
      unit.saveRecord({
        model: this.#model,
        key: this.#keyOf(id),
        payload: JSON.stringify(stored),
        expiresAt: expiryOf(expiresIn, secondsNow()),
        existing: this.#existing(),
        ...(typeof userCode === 'string' ? { userCodeKey: recordKey('user code', userCode) } : {}),
        ...(grantKey === undefined
          ? {}
          : { grant: { key: grantKey, generation: unit.generationOf(grantKey) } }),
      });
    });
  }

  find(id: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const known = await this.#look(unit, this.#keyOf(id));
      return known === undefined ? undefined : this.#payloadOf(known);
    });
  }

  findByUserCode(userCode: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const stored = await this.#storage.readRecordByUserCode(this.#model, recordKey('user code', userCode));
      if (stored === undefined) return undefined;
      const { jti } = JSON.parse(stored.payload) as { jti: string };
      const known = await this.#look(unit, this.#keyOf(jti), stored);
      return known === undefined ? undefined : this.#payloadOf(known);
    });
  }

  consume(id: string): Promise<void> {
    return this.#units.call(async (unit) => {
      const key = this.#keyOf(id);
      const known = await this.#look(unit, key);
      // Gone between the engine's look and now: the commit finds nothing to consume, and refuses.
      const payload = known === undefined ? {} : this.#payloadOf(known);
      const isRefreshToken = this.#model === REFRESH_TOKEN;
      const graceSeconds = isRefreshToken ? this.#rotation.graceOf(payload) : 0;
      const successor = isRefreshToken
        ? await this.#rotation.chooseSuccessor(unit, id, known?.repeated === true)
        : undefined;
      unit.consumeRecord(
        {
          model: this.#model,
          key,
          grantKey: grantKeyOf(payload),
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
    return recordKey(this.#model, id);
  }

  #existing(): 'replace' | 'keep' | 'refuse' {
    if (this.#model === 'ReplayDetection') return 'refuse';
    return this.#model === REFRESH_TOKEN ? 'keep' : 'replace';
  }

  #payloadOf(known: KnownRecord): EnginePayload {
    const payload = JSON.parse(known.payload) as EnginePayload;
    return known.consumedAt === null || known.repeated ? payload : { ...payload, consumed: known.consumedAt };
  }

  async #look(unit: UnitOfWork, key: RecordKey, read?: StoredRecord): Promise<KnownRecord | undefined> {
    const remembered = unit.record(key);
    if (remembered !== 'unread') return remembered;
    const stored = read ?? (await this.#storage.readRecord(this.#model, key));
    if (stored === undefined) return unit.learnRecord(key, undefined);
    const payload = JSON.parse(stored.payload) as EnginePayload;
    const grantKey = grantKeyOf(payload);
    if (grantKey !== undefined && stored.generation !== null) unit.seeGeneration(grantKey, stored.generation);
    if (this.#model === 'Interaction') {
      return unit.learnRecord(key, await this.#withoutEndedLogin(stored, payload));
    }
    const repeated = this.#model === REFRESH_TOKEN && this.#rotation.mayRepeat(stored, payload);
    if (this.#model === REFRESH_TOKEN && stored.consumedAt !== null && !repeated && grantKey !== undefined) {
      unit.sawReuse(grantKey, typeof payload.clientId === 'string' ? payload.clientId : undefined);
    }
    return unit.learnRecord(key, stored, repeated);
  }

  /** A person who was ended after they proved themselves, and before the engine heard of it, has to do so again. */
  async #withoutEndedLogin(stored: StoredRecord, payload: EnginePayload): Promise<StoredRecord> {
    const result = payload.result as { login?: { accountId?: unknown } } | undefined;
    const accountId = result?.login?.accountId;
    if (typeof accountId !== 'string') return stored;
    const endedAt = await this.#storage.readAccountEnding(recordKey('account', accountId));
    if (endedAt === undefined || endedAt < stored.writtenAt) return stored;
    const { login: _ended, ...rest } = result as Record<string, unknown>;
    return { ...stored, payload: JSON.stringify({ ...payload, result: rest }) };
  }
}
