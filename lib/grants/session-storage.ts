import { type EnginePayload, type ModelStorage, notForThisModel, secondsNow } from './model-storage.ts';
import { recordKey } from './record-key.ts';
import type { GrantStorage, RecordKey, StoredDocument } from './storage.ts';
import { expiryOf } from './time-to-live.ts';
import type { UnitOfWork } from './unit-of-work.ts';
import type { UnitRunner } from './unit-runner.ts';

/**
 * How long (s) a replaced identifier still leads to its session, for the browser's requests that are under way. Never
 * across a sign-in: whoever knew the identifier before it must not be in the session after it (session fixation).
 */
const FORMER_ID_SECONDS = 60;

/** Each use of a session moves its end on, which is not worth a write before so small a part of its life has gone by. */
const LIFE_PARTS = 1000;

const uidKeyOf = (payload: EnginePayload): RecordKey => recordKey('session uid', String(payload.uid));

/** Sessions: kept by their uid, found by the identifier in the cookie. */
export class SessionModelStorage implements ModelStorage {
  readonly #storage: GrantStorage;
  readonly #units: UnitRunner;

  constructor(storage: GrantStorage, units: UnitRunner) {
    this.#storage = storage;
    this.#units = units;
  }

  upsert(id: string, payload: EnginePayload, expiresIn?: number): Promise<void> {
    return this.#units.call(async (unit) => {
      const uidKey = uidKeyOf(payload);
      const before = unit.baseOf(uidKey);
      const payloadBefore = before === undefined ? undefined : (JSON.parse(before) as EnginePayload);
      const { accountId } = payload;
      const laterBy = Number(payload.exp) - Number(payloadBefore?.exp);
      unit.saveSession({
        uidKey,
        idKey: recordKey('Session', id),
        payload: JSON.stringify(payload),
        isAsRead:
          payloadBefore !== undefined &&
          laterBy >= 0 &&
          laterBy <= Number(expiresIn) / LIFE_PARTS &&
          JSON.stringify({ ...payload, exp: payloadBefore.exp }) === before,
        accountKey: typeof accountId === 'string' ? recordKey('account', accountId) : undefined,
        expiresAt: expiryOf(expiresIn, secondsNow()),
        formerIdSeconds: payloadBefore?.accountId === accountId ? FORMER_ID_SECONDS : 0,
      });
    });
  }

  find(id: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const idKey = recordKey('Session', id);
      const uidKey = unit.sessionOfId(idKey);
      if (uidKey !== undefined && unit.endsSession(uidKey)) return undefined;
      const remembered = uidKey === undefined ? undefined : unit.document(uidKey);
      if (remembered !== undefined) return JSON.parse(remembered) as EnginePayload;
      return this.#learn(unit, await this.#storage.readSession('id', idKey), idKey);
    });
  }

  findByUid(uid: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const uidKey = recordKey('session uid', uid);
      if (unit.endsSession(uidKey)) return undefined;
      const remembered = unit.document(uidKey);
      if (remembered !== undefined) return JSON.parse(remembered) as EnginePayload;
      return this.#learn(unit, unit.sessionSeen(uidKey) ?? (await this.#storage.readSession('uid', uidKey)));
    });
  }

  destroy(id: string): Promise<void> {
    return this.#units.call(async (unit) => {
      const idKey = recordKey('Session', id);
      if (unit.sessionOfId(idKey) === undefined) await this.find(id);
      const uidKey = unit.sessionOfId(idKey);
      if (uidKey !== undefined) unit.dropSessionId(idKey, uidKey);
    });
  }

  async findByUserCode(): Promise<never> {
    return notForThisModel('findByUserCode', 'Session');
  }

  async consume(): Promise<never> {
    return notForThisModel('consume', 'Session');
  }

  async revokeByGrantId(): Promise<never> {
    return notForThisModel('revokeByGrantId', 'Session');
  }

  #learn(
    unit: UnitOfWork,
    stored: StoredDocument | undefined,
    foundBy?: RecordKey,
  ): EnginePayload | undefined {
    if (stored === undefined) return undefined;
    const payload = JSON.parse(stored.payload) as EnginePayload;
    const uidKey = uidKeyOf(payload);
    if (foundBy !== undefined) {
      unit.learnSessionId(recordKey('Session', String(payload.jti)), uidKey);
      unit.learnSessionId(foundBy, uidKey);
    }
    if (unit.endsSession(uidKey)) return undefined;
    // Found by two identifiers: what this unit read first is what its writes are judged by.
    const remembered = unit.document(uidKey);
    if (remembered !== undefined) return JSON.parse(remembered) as EnginePayload;
    unit.learnDocument(uidKey, stored);
    return payload;
  }
}
