import type { Sealer } from '../database/sealer.ts';
import type { RecordKey, Unit } from './storage.ts';

/** What a payload is sealed for: moved to another row it does not open. */
export function sealingContext(table: 'record' | 'grant' | 'session', key: Uint8Array): string {
  return `${table}:${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
}

/** A unit with its payloads sealed, which is done before the database is locked. */
export interface SealedUnit {
  unit: Unit;
  records: Buffer[];
  grants: Buffer[];
  sessions: Buffer[];
}

/** Seals every payload of a unit, in the order of its lists. */
export function sealUnit(sealer: Sealer, unit: Unit): SealedUnit {
  const seal = (table: 'record' | 'grant' | 'session') => (key: RecordKey, payload: string) =>
    sealer.seal(payload, sealingContext(table, key));
  const record = seal('record');
  const grant = seal('grant');
  const session = seal('session');
  return {
    unit,
    records: unit.records.map(({ key, payload }) => record(key, payload)),
    grants: unit.grants.map(({ key, payload }) => grant(key, payload)),
    sessions: unit.sessions.map(({ uidKey, payload }) => session(uidKey, payload)),
  };
}
