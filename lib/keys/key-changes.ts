import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import { externalMaterial } from './external/external-material.ts';
import type { ExternalSigner } from './external/external-signer.ts';
import { UnusableExternalKey } from './external/external-signer-errors.ts';
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

/** Where new keys come from. */
export interface KeySource {
  database: Database;
  rules: KeyRules;
  signer: ExternalSigner | undefined;
}

/** A new key for one algorithm: a pair of our own, sealed, or the public part of the one that is configured elsewhere. */
async function makeOne(source: KeySource, algorithm: SigningAlgorithm): Promise<SealedMaterial> {
  const { database, rules, signer } = source;
  const name = rules.external.get(algorithm);
  return name === undefined
    ? sealMaterial(database, await makeKeyMaterial(algorithm))
    : externalMaterial(signer, algorithm, name);
}

/** New keys, one for each algorithm. Throws ExternalSignerUnavailable and UnusableExternalKey. */
export async function makeMaterial(
  source: KeySource,
  algorithms: ReadonlyArray<SigningAlgorithm>,
): Promise<Map<string, SealedMaterial>> {
  const made = await Promise.all(algorithms.map((algorithm) => makeOne(source, algorithm)));
  return new Map(made.map((material) => [material.algorithm, material]));
}

/**
 * Makes the first set of keys if there is none. A key of this set is active at once: nobody can hold a JWKS without
 * it. Of several processes that do this together one stores its set and the others drop theirs.
 */
export async function makeFirstKeys(source: KeySource): Promise<KeyTransition[]> {
  const { database, rules } = source;
  const anyKey = (query: Kysely<DatabaseSchema>) =>
    query.selectFrom('signing_keys').select('kid').limit(1).executeTakeFirst();
  if ((await anyKey(database.query)) !== undefined) return [];
  const made = await makeMaterial(source, rules.algorithms);
  return database.transaction(async (transaction, now) => {
    if ((await anyKey(transaction)) !== undefined) return [];
    // Two names of one key.
    const kids = new Set<string>();
    for (const material of made.values()) {
      if (kids.has(material.kid)) throw presentUnderAnotherName(material);
      kids.add(material.kid);
    }
    for (const material of made.values()) await insertKey(transaction, material, { now, activatesAt: now });
    await database.revisions.move(transaction, 'keys');
    return [...made.values()].map(({ kid, algorithm }) => ({ kid, algorithm, state: 'active' }));
  });
}

/**
 * Does what is due, as the one process that holds the lease; answers undefined while another one does. The lease is
 * taken only when something is due, so an idle installation writes nothing. The plan is made again inside the
 * transaction, where the fencing token is checked: a leader that was paused until its lease went to another changes
 * nothing when it wakes. Whoever keeps a key and does not answer holds nothing else up: `failure` is what it failed with.
 */
export async function makeDueChanges(
  source: KeySource,
  holder: string,
): Promise<{ transitions: KeyTransition[]; failure?: unknown } | undefined> {
  const { database, rules } = source;
  if (planKeyChanges(await readRecords(database.query), rules, database.now()).length === 0) {
    return { transitions: [] };
  }
  const lease = await takeLease(database, { name: LEASE, holder, duration: LEASE_MILLISECONDS });
  if (lease === undefined) return undefined;
  try {
    const plan = planKeyChanges(await readRecords(database.query), rules, database.now());
    const wanted = plan.flatMap((change) => (change.change === 'announce' ? [change.algorithm] : []));
    const settled = await Promise.allSettled(wanted.map((algorithm) => makeOne(source, algorithm)));
    const made = new Map(
      settled.flatMap((each) =>
        each.status === 'fulfilled' ? [[each.value.algorithm as string, each.value]] : [],
      ),
    );
    let failure = settled.find((each) => each.status === 'rejected')?.reason as unknown;
    const transitions = await database.transaction(async (transaction, now) => {
      if (!(await holdsLease(transaction, lease, now))) return undefined;
      const records = await readRecords(transaction);
      const transitions: KeyTransition[] = [];
      for (const change of planKeyChanges(records, rules, now)) {
        const material = change.change === 'announce' ? made.get(change.algorithm) : undefined;
        if (material !== undefined && records.some(({ kid }) => kid === material.kid)) {
          failure = presentUnderAnotherName(material);
          continue;
        }
        const transition = await applyChange(transaction, change, material, now);
        if (transition === undefined) continue;
        const algorithm =
          material?.algorithm ?? records.find(({ kid }) => kid === transition.kid)?.algorithm ?? 'unknown';
        transitions.push({ ...transition, algorithm });
      }
      if (transitions.length > 0) await database.revisions.move(transaction, 'keys');
      return transitions;
    });
    return transitions === undefined ? undefined : { transitions, failure };
  } finally {
    await releaseLease(database.query, lease);
  }
}

function presentUnderAnotherName({ kid, externalKey }: SealedMaterial): UnusableExternalKey {
  return new UnusableExternalKey(
    `${externalKey} is ${kid}, a signing key that there is already by another name`,
  );
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
