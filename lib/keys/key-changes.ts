import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import { type KeyChange, type KeyRules, planKeyChanges } from './key-life.ts';
import { makeKeyMaterial, type SigningAlgorithm } from './key-material.ts';
import {
  activateKey,
  insertKey,
  readRecords,
  removeKey,
  retireKey,
  type SealedMaterial,
  sealMaterial,
} from './key-store.ts';
import { holdsLease, releaseLease, takeLease } from './lease.ts';

/** The name of the lease that the process which changes keys on schedule holds. */
const LEASE = 'signing-keys';
/** Far longer than making a set of keys takes, so that a slow machine does not lose its lease to another in the middle. */
const LEASE_MILLISECONDS = 30_000;

/** What has become of a key, to be told once it is committed. */
export interface KeyTransition {
  kid: string;
  algorithm: string;
  state: 'announced' | 'active' | 'retired' | 'gone';
}

/** New key pairs, sealed, one for each algorithm. */
export async function makeSealedMaterial(
  database: Database,
  algorithms: ReadonlyArray<SigningAlgorithm>,
): Promise<Map<string, SealedMaterial>> {
  const made = await Promise.all(algorithms.map((algorithm) => makeKeyMaterial(algorithm)));
  return new Map(made.map((material) => [material.algorithm, sealMaterial(database, material)]));
}

/**
 * Makes the first set of keys if there is none. A key of this set is active at once: nobody can hold a JWKS without
 * it. Of several processes that do this together one stores its set and the others drop theirs.
 */
export async function makeFirstKeys(
  database: Database,
  algorithms: ReadonlyArray<SigningAlgorithm>,
): Promise<KeyTransition[]> {
  const anyKey = (query: Kysely<DatabaseSchema>) =>
    query.selectFrom('signing_keys').select('kid').limit(1).executeTakeFirst();
  if ((await anyKey(database.query)) !== undefined) return [];
  const made = await makeSealedMaterial(database, algorithms);
  return database.transaction(async (transaction, now) => {
    if ((await anyKey(transaction)) !== undefined) return [];
    for (const material of made.values()) await insertKey(transaction, material, { now, activatesAt: now });
    await database.revisions.move(transaction, 'keys');
    return [...made.values()].map(({ kid, algorithm }) => ({ kid, algorithm, state: 'active' }));
  });
}

/**
 * Does what is due, as the one process that holds the lease; answers undefined while another one does. The lease is
 * taken only when something is due, so an idle installation writes nothing. The plan is made again inside the
 * transaction, where the fencing token is checked: a leader that was paused until its lease went to another changes
 * nothing when it wakes.
 */
export async function makeDueChanges(options: {
  database: Database;
  rules: KeyRules;
  holder: string;
}): Promise<KeyTransition[] | undefined> {
  const { database, rules, holder } = options;
  if (planKeyChanges(await readRecords(database.query), rules, database.now()).length === 0) return [];
  const lease = await takeLease(database, { name: LEASE, holder, duration: LEASE_MILLISECONDS });
  if (lease === undefined) return undefined;
  try {
    const plan = planKeyChanges(await readRecords(database.query), rules, database.now());
    const made = await makeSealedMaterial(
      database,
      plan.flatMap((change) => (change.change === 'announce' ? [change.algorithm] : [])),
    );
    return await database.transaction(async (transaction, now) => {
      if (!(await holdsLease(transaction, lease, now))) return undefined;
      const records = await readRecords(transaction);
      const transitions: KeyTransition[] = [];
      for (const change of planKeyChanges(records, rules, now)) {
        const material = change.change === 'announce' ? made.get(change.algorithm) : undefined;
        const transition = await applyChange(transaction, change, material, now);
        if (transition === undefined) continue;
        const algorithm =
          material?.algorithm ?? records.find(({ kid }) => kid === transition.kid)?.algorithm ?? 'unknown';
        transitions.push({ ...transition, algorithm });
      }
      if (transitions.length > 0) await database.revisions.move(transaction, 'keys');
      return transitions;
    });
  } finally {
    await releaseLease(database.query, lease);
  }
}

async function applyChange(
  transaction: Kysely<DatabaseSchema>,
  change: KeyChange,
  material: SealedMaterial | undefined,
  now: number,
): Promise<Omit<KeyTransition, 'algorithm'> | undefined> {
  switch (change.change) {
    case 'announce':
      // Became due after the first plan: it is made at the next turn.
      if (material === undefined) return undefined;
      await insertKey(transaction, material, { now, activatesAt: change.activatesAt });
      return { kid: material.kid, state: 'announced' };
    case 'activate':
      await activateKey(transaction, change.kid, now);
      return { kid: change.kid, state: 'active' };
    case 'retire':
      await retireKey(transaction, change.kid, now, change.expiresAt);
      return { kid: change.kid, state: 'retired' };
    case 'remove':
      await removeKey(transaction, change.kid);
      return { kid: change.kid, state: 'gone' };
  }
}
