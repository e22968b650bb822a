import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { MaybePromise } from '../database/prepared-query.ts';
import { type EnginePayload, secondsNow } from './model-storage.ts';
import { modelKey } from './record-key.ts';
import type { GrantStorage, StoredRecord } from './storage.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** The engine's name for the model that rotates. */
export const REFRESH_TOKEN = 'RefreshToken';

/** Makes an identifier beside another one from a secret of 32 bytes. */
type Succeed = (identifier: string, secret: Buffer) => string;

/** How far a repeated refresh token is followed to the newest of its line; two tabs are never that far apart. */
const LONGEST_CHASE = 16;

/**
 * Rotation of refresh tokens that survives honest races (RFC 9700 §4.14.2). The successor of a token is a MAC of it, so
 * that every process that exchanges the same token answers with the same successor; who does not hold the key cannot
 * compute it. Within its grace a used token may be presented again, for the newest of its line.
 */
export class RefreshRotation {
  readonly #storage: GrantStorage;
  readonly #keys: ReadonlyArray<KeyObject>;
  readonly #forms: ReadonlyArray<Succeed>;
  readonly #graceOf: (payload: EnginePayload) => MaybePromise<number>;

  /** `keys` are newest first, and so are `forms` of successors; `graceOf` answers seconds. */
  constructor(options: {
    storage: GrantStorage;
    keys: ReadonlyArray<Buffer>;
    forms: ReadonlyArray<Succeed>;
    graceOf: (payload: EnginePayload) => MaybePromise<number>;
  }) {
    this.#storage = options.storage;
    this.#keys = options.keys.map((key) => createSecretKey(key));
    this.#forms = options.forms;
    this.#graceOf = options.graceOf;
  }

  /** How long (s) this token may be presented again. A sender-constrained one never: its holder can prove who they are. */
  graceOf(payload: EnginePayload): MaybePromise<number> {
    return payload.jkt !== undefined || payload['x5t#S256'] !== undefined ? 0 : this.#graceOf(payload);
  }

  /** Whether a used token is within its grace. */
  mayRepeat(stored: StoredRecord, payload: EnginePayload): MaybePromise<boolean> {
    const { consumedAt } = stored;
    if (consumedAt === null) return false;
    const lasts = (grace: number): boolean => grace > 0 && secondsNow() - consumedAt <= grace;
    const grace = this.graceOf(payload);
    return grace instanceof Promise ? grace.then(lasts) : lasts(grace);
  }

  /** Chooses what takes the place of a token in this unit: the newest of its line when it is `repeated`. */
  async chooseSuccessor(unit: UnitOfWork, id: string, repeated: boolean): Promise<string> {
    let successor = successorOf(id, this.#keys[0] as KeyObject, this.#forms[0] as Succeed);
    let predecessor = id;
    for (let step = 0; repeated && step < LONGEST_CHASE; step += 1) {
      const issued = await this.#issuedSuccessorOf(predecessor);
      if (issued === undefined) break;
      successor = issued.id;
      predecessor = issued.id;
      if (issued.consumedAt === null) break;
    }
    unit.chooseSuccessor(id, successor);
    return successor;
  }

  /** It may have been issued before the newest key came, or by another version of the program. */
  async #issuedSuccessorOf(id: string): Promise<{ id: string; consumedAt: number | null } | undefined> {
    const possible = this.#keys.flatMap((key) => this.#forms.map((form) => successorOf(id, key, form)));
    for (const successor of possible) {
      const stored = await this.#storage.readRecord(REFRESH_TOKEN, modelKey(REFRESH_TOKEN, successor));
      if (stored !== undefined) return { id: successor, consumedAt: stored.consumedAt };
    }
    return undefined;
  }
}

function successorOf(id: string, key: KeyObject, form: Succeed): string {
  return form(id, createHmac('sha256', key).update(id).digest());
}
