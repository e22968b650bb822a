import { createHmac } from 'node:crypto';
import { type EnginePayload, secondsNow } from './model-storage.ts';
import { recordKey } from './record-key.ts';
import type { GrantStorage, StoredRecord } from './storage.ts';
import type { UnitOfWork } from './unit-of-work.ts';

export const REFRESH_TOKEN = 'RefreshToken';

/** How far a repeated refresh token is followed to the newest of its line; two tabs are never that far apart. */
const LONGEST_CHASE = 16;

/**
 * Rotation of refresh tokens that survives honest races (RFC 9700 §4.14.2). The successor of a token is a MAC of it, so
 * that every process that exchanges the same token answers with the same successor; who does not hold the key cannot
 * compute it. Within its grace a used token may be presented again, for the newest of its line.
 */
export class RefreshRotation {
  readonly #storage: GrantStorage;
  readonly #key: Buffer;
  readonly #graceOf: (payload: EnginePayload) => number;

  /** `graceOf` answers seconds. */
  constructor(storage: GrantStorage, key: Buffer, graceOf: (payload: EnginePayload) => number) {
    this.#storage = storage;
    this.#key = key;
    this.#graceOf = graceOf;
  }

  /** How long (s) this token may be presented again. A sender-constrained one never: its holder can prove who they are. */
  graceOf(payload: EnginePayload): number {
    return payload.jkt !== undefined || payload['x5t#S256'] !== undefined ? 0 : this.#graceOf(payload);
  }

  /** Whether a used token is within its grace. */
  mayRepeat(stored: StoredRecord, payload: EnginePayload): boolean {
    if (stored.consumedAt === null) return false;
    const grace = this.graceOf(payload);
    return grace > 0 && secondsNow() - stored.consumedAt <= grace;
  }

  /** Chooses what takes the place of a token in this unit. */
  async chooseSuccessor(unit: UnitOfWork, id: string, repeated: boolean): Promise<string> {
    let successor = this.#successorOf(id);
    for (let step = 0; repeated && step < LONGEST_CHASE; step += 1) {
      const stored = await this.#storage.readRecord(REFRESH_TOKEN, recordKey(REFRESH_TOKEN, successor));
      if (stored === undefined || stored.consumedAt === null) break;
      successor = this.#successorOf(successor);
    }
    unit.chooseSuccessor(id, successor);
    return successor;
  }

  #successorOf(id: string): string {
    return createHmac('sha256', this.#key).update(id).digest('base64url');
  }
}
