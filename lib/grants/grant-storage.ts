import { type EnginePayload, type ModelStorage, notForThisModel, secondsNow } from './model-storage.ts';
import { recordKey } from './record-key.ts';
import type { GrantStorage } from './storage.ts';
import { expiryOf } from './time-to-live.ts';
import type { UnitRunner } from './unit-runner.ts';

/** Grants: what a person allowed a client. */
export class GrantModelStorage implements ModelStorage {
  readonly #storage: GrantStorage;
  readonly #units: UnitRunner;

  constructor(storage: GrantStorage, units: UnitRunner) {
    this.#storage = storage;
    this.#units = units;
  }

  upsert(id: string, payload: EnginePayload, expiresIn?: number): Promise<void> {
    return this.#units.call(async (unit) =>
      unit.saveGrant({
        key: recordKey('Grant', id),
        payload: JSON.stringify(payload),
        accountKey: recordKey('account', String(payload.accountId)),
        clientKey: recordKey('client', String(payload.clientId)),
        expiresAt: expiryOf(expiresIn, secondsNow()),
      }),
    );
  }

  find(id: string): Promise<EnginePayload | undefined> {
    return this.#units.call(async (unit) => {
      const key = recordKey('Grant', id);
      if (unit.revocationOf(key) === 'consent') return undefined;
      const remembered = unit.document(key);
      if (remembered !== undefined) return JSON.parse(remembered) as EnginePayload;
      const stored = unit.grantSeen(key) ?? (await this.#storage.readGrant(key));
      if (stored === undefined) return undefined;
      unit.readGrant(key, stored);
      return JSON.parse(stored.payload) as EnginePayload;
    });
  }

  destroy(id: string): Promise<void> {
    return this.#units.call(async (unit) => unit.revokeGrant(recordKey('Grant', id), true));
  }

  revokeByGrantId(id: string): Promise<void> {
    return this.#units.call(async (unit) => unit.revokeGrant(recordKey('Grant', id), false));
  }

  async findByUid(): Promise<never> {
    return notForThisModel('findByUid', 'Grant');
  }

  async findByUserCode(): Promise<never> {
    return notForThisModel('findByUserCode', 'Grant');
  }

  async consume(): Promise<never> {
    return notForThisModel('consume', 'Grant');
  }
}
