import type { MaybePromise } from '../database/prepared-query.ts';

/** The protocol engine's storage contract for one of its models; docs/storage.md says what it promises. Payloads are plain objects. */
export interface ModelStorage {
  /** `expiresIn` in seconds. */
  upsert(id: string, payload: EnginePayload, expiresIn?: number): Promise<void>;
  /** What is stored and has not ended; `consumed` (Unix time, s) is set on what was used. */
  find(id: string): MaybePromise<EnginePayload | undefined>;
  findByUid(uid: string): MaybePromise<EnginePayload | undefined>;
  findByUserCode(userCode: string): Promise<EnginePayload | undefined>;
  /** Takes the single use; whether it was still to be had is decided at the commit. */
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** What the engine stores; unknown members are kept as they are. */
export type EnginePayload = Record<string, unknown>;

/** A call that the engine never makes for this model: a bug on our side if it does. */
export function notForThisModel(call: string, model: string): never {
  throw new Error(`${call} is not for ${model}`);
}

/** Unix time, s. */
export function secondsNow(): number {
  return Math.floor(Date.now() / 1000);
}
