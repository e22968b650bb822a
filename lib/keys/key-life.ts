import type { SigningAlgorithm } from './key-material.ts';

/** A key that was withdrawn is no key any more; of one that is kept elsewhere it is remembered, so that it does not come back. */
export type KeyState = 'announced' | 'active' | 'retired' | 'withdrawn';

/** A signing key's life as it is stored. Times are Unix times in ms. */
export interface KeyRecord {
  kid: string;
  algorithm: string;
  state: KeyState;
  createdAt: number;
  /** When it is due to become active. */
  activatesAt: number;
  activatedAt: number | null;
  retiredAt: number | null;
  /** When it leaves the JWKS. */
  expiresAt: number | null;
  /** Its name with whoever keeps its private part; null when that is here. */
  externalKey: string | null;
}

/** What the life of a key is measured by, in ms. */
export interface KeyRules {
  algorithms: ReadonlyArray<SigningAlgorithm>;
  rotationInterval: number;
  /** How long a key stands in the JWKS before it may sign. */
  announcement: number;
  /** How long a retired key goes on verifying. */
  verification: number;
  /** For algorithms whose key is kept elsewhere, its name there. */
  external: ReadonlyMap<string, string>;
}

export type KeyChange =
  | { change: 'announce'; algorithm: SigningAlgorithm; activatesAt: number }
  | { change: 'activate'; kid: string }
  | { change: 'retire'; kid: string; expiresAt: number }
  | { change: 'remove'; kid: string };

/**
 * The earliest moment at which an announced key may sign: every verifier's copy of the JWKS that lacks it has
 * expired by then. It looks at the rules of now as well as of then, so a longer cache time counts at once.
 */
export function ripeAt(record: KeyRecord, rules: KeyRules): number {
  return record.createdAt + rules.announcement;
}

/** Whether a key that is kept elsewhere has been one of ours, and has not left the JWKS as a retired one does. */
export function isKnown(records: ReadonlyArray<KeyRecord>, algorithm: string, name: string): boolean {
  return records.some((record) => record.algorithm === algorithm && record.externalKey === name);
}

/**
 * What is due at `now`. Pure: the same records, rules and time give the same changes, so a leader plans twice, once to
 * know what it must make ready and again inside the transaction, where nothing can change any more.
 *
 * - An algorithm without a successor gets one announced in time for the rotation; one without any key at all gets one
 *   announced too, though nobody can depend on it yet: a verifier may hold a JWKS from before.
 * - A successor that is due and ripe becomes active, and the former key is retired in the same transaction.
 * - Keys of an algorithm that is not configured any more stop signing.
 * - A retired key leaves the JWKS when it has nothing left to verify.
 * - A key that is kept elsewhere is replaced when another one is configured, not by its age. One whose name is known, whatever became
 *   of it, is not announced again: processes that are restarted one after another, each with another name, come to an end.
 */
export function planKeyChanges(records: ReadonlyArray<KeyRecord>, rules: KeyRules, now: number): KeyChange[] {
  const changes: KeyChange[] = [];
  const retire = (kid: string): KeyChange => ({ change: 'retire', kid, expiresAt: now + rules.verification });
  for (const record of records) {
    const configured = (rules.algorithms as ReadonlyArray<string>).includes(record.algorithm);
    if (record.state === 'retired' && (record.expiresAt ?? 0) <= now) {
      changes.push({ change: 'remove', kid: record.kid });
    }
    if (record.state === 'active' && !configured) changes.push(retire(record.kid));
    if (record.state === 'announced' && !configured) changes.push({ change: 'remove', kid: record.kid });
  }
  for (const algorithm of rules.algorithms) {
    const active = records.find((record) => record.state === 'active' && record.algorithm === algorithm);
    const successor = records.find(
      (record) => record.state === 'announced' && record.algorithm === algorithm,
    );
    const wanted = rules.external.get(algorithm);
    const isNew = wanted !== undefined && !isKnown(records, algorithm, wanted);
    if (successor !== undefined && !(isNew && successor.externalKey === null)) {
      if (now < Math.max(successor.activatesAt, ripeAt(successor, rules))) continue;
      changes.push({ change: 'activate', kid: successor.kid });
      if (active !== undefined) changes.push(retire(active.kid));
    } else if (isNew || wanted === undefined) {
      // One of our own that was to be next: it has signed nothing.
      if (successor !== undefined) changes.push({ change: 'remove', kid: successor.kid });
      const due =
        isNew || active === undefined || active.externalKey !== null
          ? now
          : (active.activatedAt ?? active.createdAt) + rules.rotationInterval;
      if (now < due - rules.announcement) continue;
      changes.push({ change: 'announce', algorithm, activatesAt: Math.max(due, now + rules.announcement) });
    }
  }
  return changes;
}
