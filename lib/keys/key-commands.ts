import type { Database } from '../database/database.ts';
import { type KeyTransition, makeSealedMaterial } from './key-changes.ts';
import { type KeyRecord, type KeyRules, ripeAt } from './key-life.ts';
import type { SigningAlgorithm } from './key-material.ts';
import { activateKey, hastenKey, insertKey, readRecords, removeKey, retireKey } from './key-store.ts';

/** A successor named by `rotate`: from when on it signs (Unix time, ms). */
export interface Successor {
  algorithm: string;
  kid: string;
  activatesAt: number;
}

export type RotateOutcome =
  | { outcome: 'announced'; successors: Successor[]; breaks: string[] }
  | { outcome: 'activated'; successors: Successor[]; retired: string[]; breaks: string[] }
  | { outcome: 'refused'; reason: 'unknown_algorithm'; description: string };

export type RetireOutcome =
  | { outcome: 'withdrawn'; kid: string; successor?: Successor; breaks: string[] }
  | { outcome: 'refused'; reason: 'not_found'; description: string };

interface CommandContext {
  database: Database;
  rules: KeyRules;
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
  const made = await makeSealedMaterial(database, wanted);
  return database.transaction(async (transaction, now) => {
    const records = await readRecords(transaction);
    const transitions: KeyTransition[] = [];
    const successors: Successor[] = [];
    for (const [algorithm, material] of made) {
      const waiting = find(records, 'announced', algorithm);
      const former = find(records, 'active', algorithm);
      const kid = waiting?.kid ?? material.kid;
      const ripe = waiting === undefined ? now + rules.announcement : Math.max(now, ripeAt(waiting, rules));
      const activatesAt = options.immediately ? now : Math.min(ripe, waiting?.activatesAt ?? ripe);
      if (waiting === undefined) await insertKey(transaction, material, { now, activatesAt });
      else if (options.immediately) await activateKey(transaction, kid, now);
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
  const present = (await readRecords(database.query)).find((record) => record.kid === kid);
  if (present === undefined) return refused;
  const replaced = rules.algorithms.filter((algorithm) => algorithm === present.algorithm);
  const made = await makeSealedMaterial(database, replaced as SigningAlgorithm[]);
  return database.transaction(async (transaction, now) => {
    const records = await readRecords(transaction);
    const record = records.find((each) => each.kid === kid);
    if (record === undefined) return refused;
    const { algorithm } = record;
    const transitions: KeyTransition[] = [{ kid, algorithm, state: 'gone' }];
    await removeKey(transaction, kid);
    let successor: Successor | undefined;
    const material = made.get(algorithm);
    if (record.state === 'active' && material !== undefined) {
      const waiting = find(records, 'announced', algorithm);
      if (waiting === undefined) await insertKey(transaction, material, { now, activatesAt: now });
      else await activateKey(transaction, waiting.kid, now);
      successor = { algorithm, kid: waiting?.kid ?? material.kid, activatesAt: now };
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
