import { type KeySource, type KeyTransition, makeMaterial } from './key-changes.ts';
import { isKnown, type KeyRecord, type KeyRules, ripeAt } from './key-life.ts';
import type { SigningAlgorithm } from './key-material.ts';
import {
  activateKey,
  hastenKey,
  insertKey,
  readRecords,
  removeKey,
  retireKey,
  withdrawExternalKey,
} from './key-store.ts';

/** A successor named by `rotate`: from when on it signs (Unix time, ms). */
export interface Successor {
  algorithm: string;
  kid: string;
  activatesAt: number;
}

export type RotateOutcome =
  | { outcome: 'announced'; successors: Successor[]; breaks: string[] }
  | { outcome: 'activated'; successors: Successor[]; retired: string[]; breaks: string[] }
  | { outcome: 'refused'; reason: 'unknown_algorithm' | 'external_key'; description: string };

export type RetireOutcome =
  | { outcome: 'withdrawn'; kid: string; successor?: Successor; breaks: string[] }
  | { outcome: 'refused'; reason: 'not_found' | 'external_key'; description: string };

interface CommandContext extends KeySource {
  jwksMaxAge: number;
}

/** An outcome with what to tell about it once it is committed. */
export interface Commanded<Outcome> {
  outcome: Outcome;
  transitions: KeyTransition[];
}

const find = (records: KeyRecord[], state: string, algorithm: string) =>
  records.find((record) => record.state === state && record.algorithm === algorithm);

function staleUntil(now: number, jwksMaxAge: number): string {
  return `for up to ${jwksMaxAge} s, until ${new Date(now + jwksMaxAge * 1000).toISOString()}`;
}

/**
 * Algorithms among `wanted` for which there is, or can be made, another key than the present one: one that is kept elsewhere has a
 * successor only when another name is configured.
 */
function replaceable(records: KeyRecord[], rules: KeyRules, wanted: readonly SigningAlgorithm[]) {
  return wanted.filter((algorithm) => {
    const name = rules.external.get(algorithm);
    return (
      name === undefined ||
      !isKnown(records, algorithm, name) ||
      find(records, 'announced', algorithm) !== undefined
    );
  });
}

/** Those of them whose new key must be made, or asked for. */
function toMake(records: KeyRecord[], rules: KeyRules, algorithms: readonly SigningAlgorithm[]) {
  return algorithms.filter((algorithm) => {
    const name = rules.external.get(algorithm);
    return name === undefined || !isKnown(records, algorithm, name);
  });
}

/** Rotates on demand: see SigningKeys.rotate. Everything is decided inside one transaction. */
export async function rotateKeys(
  context: CommandContext,
  options: { algorithm?: string; immediately?: boolean },
): Promise<Commanded<RotateOutcome>> {
  const { database, rules } = context;
  const wanted = rules.algorithms.filter(
    (each) => options.algorithm === undefined || each === options.algorithm,
  );
  if (wanted.length === 0) {
    const description = `${options.algorithm} is not a configured algorithm (${rules.algorithms.join(', ')})`;
    return { outcome: { outcome: 'refused', reason: 'unknown_algorithm', description }, transitions: [] };
  }
  const present = await readRecords(database.query);
  const replaced = replaceable(present, rules, wanted);
  if (replaced.length === 0) {
    const names = wanted.map((algorithm) => `${algorithm}:${rules.external.get(algorithm)}`).join(', ');
    const description = `the keys are kept elsewhere: to replace ${names}, name another key in keys.external.keys`;
    return { outcome: { outcome: 'refused', reason: 'external_key', description }, transitions: [] };
  }
  const made = await makeMaterial(context, toMake(present, rules, replaced));
  return database.transaction(async (transaction, now) => {
    const records = await readRecords(transaction);
    const transitions: KeyTransition[] = [];
    const successors: Successor[] = [];
    for (const algorithm of replaced) {
      const material = made.get(algorithm);
      const waiting = find(records, 'announced', algorithm);
      const former = find(records, 'active', algorithm);
      const kid = waiting?.kid ?? material?.kid;
      // What was announced when this began has become active meanwhile.
      if (kid === undefined) continue;
      if (waiting === undefined && records.some((record) => record.kid === kid)) continue;
      const ripe = waiting === undefined ? now + rules.announcement : Math.max(now, ripeAt(waiting, rules));
      const activatesAt = options.immediately ? now : Math.min(ripe, waiting?.activatesAt ?? ripe);
      if (waiting === undefined && material !== undefined) {
        await insertKey(transaction, material, { now, activatesAt });
      } else if (options.immediately) await activateKey(transaction, kid, now);
      else await hastenKey(transaction, kid, activatesAt);
      if (options.immediately) {
        if (former !== undefined) {
          await retireKey(transaction, former.kid, now, now + rules.verification);
          transitions.push({ kid: former.kid, algorithm, state: 'retired' });
        }
        transitions.push({ kid, algorithm, state: 'active' });
      } else if (waiting === undefined) {
        transitions.push({ kid, algorithm, state: 'announced' });
      }
      successors.push({ algorithm, kid, activatesAt });
    }
    await database.revisions.move(transaction, 'keys');
    if (!options.immediately)
      return { outcome: { outcome: 'announced', successors, breaks: [] }, transitions };
    const retired = transitions.filter(({ state }) => state === 'retired').map(({ kid }) => kid);
    const kids = successors.map(({ kid }) => kid).join(', ');
    const breaks = [
      `Verifiers that keep their copy of the JWKS without fetching it again for an unknown kid refuse tokens signed with ${kids} ${staleUntil(now, context.jwksMaxAge)}.`,
      ...retired.map(
        (kid) => `Tokens signed with ${kid} stay valid until they expire; if that key leaked, retire it too.`,
      ),
    ];
    return { outcome: { outcome: 'activated', successors, retired, breaks }, transitions };
  });
}

/** Withdraws one key at once: see SigningKeys.retire. Everything is decided inside one transaction. */
export async function withdrawKey(context: CommandContext, kid: string): Promise<Commanded<RetireOutcome>> {
  const { database, rules } = context;
  const refused: Commanded<RetireOutcome> = {
    outcome: { outcome: 'refused', reason: 'not_found', description: `there is no signing key ${kid}` },
    transitions: [],
  };
  const before = await readRecords(database.query);
  const present = before.find((record) => record.kid === kid);
  if (present === undefined || present.state === 'withdrawn') return refused;
  const replaced = rules.algorithms.filter((algorithm) => algorithm === present.algorithm);
  if (present.state === 'active' && replaceable(before, rules, replaced).length < replaced.length) {
    const description = `${kid} is kept elsewhere and ${present.algorithm} has no other key: name another one in keys.external.keys, then retire this one`;
    return { outcome: { outcome: 'refused', reason: 'external_key', description }, transitions: [] };
  }
  const made = await makeMaterial(context, toMake(before, rules, replaced));
  return database.transaction(async (transaction, now) => {
    const records = await readRecords(transaction);
    const record = records.find((each) => each.kid === kid);
    if (record === undefined || record.state === 'withdrawn') return refused;
    const { algorithm } = record;
    const material = made.get(algorithm);
    if (material !== undefined && records.some((each) => each.kid === material.kid)) {
      const description = `${material.externalKey} is ${material.kid} by another name: name another key in keys.external.keys`;
      return { outcome: { outcome: 'refused', reason: 'external_key', description }, transitions: [] };
    }
    const transitions: KeyTransition[] = [{ kid, algorithm, state: 'gone' }];
    if (record.externalKey === null) await removeKey(transaction, kid);
    else await withdrawExternalKey(transaction, kid, now);
    let successor: Successor | undefined;
    const waiting = find(records, 'announced', algorithm);
    const next = waiting?.kid ?? material?.kid;
    if (record.state === 'active' && replaced.length > 0 && next !== undefined) {
      if (waiting !== undefined) await activateKey(transaction, next, now);
      else if (material !== undefined) await insertKey(transaction, material, { now, activatesAt: now });
      successor = { algorithm, kid: next, activatesAt: now };
      transitions.push({ kid: successor.kid, algorithm, state: 'active' });
    }
    await database.revisions.move(transaction, 'keys');
    const breaks: string[] = [];
    if (record.state !== 'announced') {
      breaks.push(
        `Every ID token and JWT access token signed with ${kid} is refused as soon as its verifier fetches the JWKS again; copies go on accepting it ${staleUntil(now, context.jwksMaxAge)}. Sessions, refresh tokens and opaque tokens are not touched.`,
        `ID tokens signed with ${kid} are no longer accepted as id_token_hint: applications that log out with one see a question page.`,
      );
    }
    if (successor !== undefined) {
      breaks.push(
        `Verifiers that keep their copy of the JWKS without fetching it again for an unknown kid refuse tokens signed with ${successor.kid} ${staleUntil(now, context.jwksMaxAge)}.`,
      );
    }
    const outcome = { outcome: 'withdrawn' as const, kid, breaks };
    return { outcome: successor === undefined ? outcome : { ...outcome, successor }, transitions };
  });
}
