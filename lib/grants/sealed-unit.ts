import type { PayloadSealer } from './payload-sealer.ts';
import type { Unit } from './storage.ts';

/** A unit with its payloads sealed, which is done before the database is locked. */
export interface SealedUnit {
  unit: Unit;
  records: Buffer[];
  grants: Buffer[];
  /** Undefined for one that is as it was read. */
  sessions: (Buffer | undefined)[];
}

/** Seals every payload of a unit, in the order of its lists. */
export function sealUnit(sealer: PayloadSealer, unit: Unit): SealedUnit {
  return {
    unit,
    records: unit.records.map(({ key, payload, grant, sessionKey }) =>
      sealer.seal('record', key, { payload, grantKey: grant?.key, sessionKey }),
    ),
    grants: unit.grants.map(({ key, payload }) => sealer.seal('grant', key, { payload })),
    sessions: unit.sessions.map(({ uidKey, payload, isAsRead }) =>
      isAsRead ? undefined : sealer.seal('session', uidKey, { payload }),
    ),
  };
}
