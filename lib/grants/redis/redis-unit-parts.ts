import { FOREIGN_TAG } from '../slot-tags.ts';
import type { RecordSave, Unit } from '../storage.ts';
import type { RedisNames } from './redis-names.ts';
import { type GrantWrite, Part, type RecordWrite, type SessionWrite, type Stage } from './redis-part.ts';

/** A unit with what was learnt about its saves: until when the indexes know of them, and since when people had not been ended. */
export interface AdmittedUnit {
  unit: Unit;
  grants: GrantWrite[];
  sessions: SessionWrite[];
  records: RecordWrite[];
}

/**
 * A unit by tags, in the order in which its parts are applied. What is issued is in `main`, of which there is one script. Around
 * it the order is such that a crash in between harms nobody: what may be used once is claimed before, and what is
 * not issued but only noted comes after.
 */
export interface UnitParts {
  /** Single uses under other tags, each taken back when the unit is refused. */
  claims: Part[];
  /** Whether saves under other tags could be made. */
  checks: Part[];
  /** Sessions and grants under further tags: seldom any. */
  before: Part[];
  main: Part | undefined;
  after: Part[];
}

class PartsByTag {
  readonly #stage: Stage;
  readonly #parts = new Map<string, Part>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  of(tag: string): Part {
    const known = this.#parts.get(tag);
    if (known !== undefined) return known;
    const part = new Part(this.#stage, tag);
    this.#parts.set(tag, part);
    return part;
  }

  get all(): Part[] {
    return [...this.#parts.values()];
  }
}

/** The tag under which the unit issues or, when it does not, ends something. */
function mainTag({ unit, grants, sessions, records }: AdmittedUnit, names: RedisNames): string | undefined {
  const issued = records.find(({ save }) => isWithItsGrant(save, names));
  if (issued !== undefined) return names.tagOfRecord(issued.save.model, issued.save.key);
  const [grant] = grants;
  if (grant !== undefined) return names.tagOf(grant.save.key);
  const [session] = sessions;
  if (session !== undefined) return names.tagOf(session.save.uidKey);
  const key = unit.revocations[0]?.grantKey ?? unit.endedSessions[0];
  if (key !== undefined) return names.tagOf(key);
  const [record] = records;
  if (record !== undefined) return names.tagOfRecord(record.save.model, record.save.key);
  const [use] = [...unit.consumptions, ...unit.removals];
  return use === undefined ? undefined : names.tagOfRecord(use.model, use.key);
}

function isWithItsGrant({ model, key, grant }: RecordSave, names: RedisNames): boolean {
  return grant !== undefined && names.tagOfRecord(model, key) === names.tagOf(grant.key);
}

const isConditional = ({ existing, base }: RecordSave): boolean =>
  existing === 'unchanged' || base !== undefined;

/** Replay records are not among `records`: they are claimed by themselves, whatever becomes of the unit. */
export function splitUnit(admitted: AdmittedUnit, names: RedisNames): UnitParts {
  const { unit, grants, sessions, records } = admitted;
  const main = mainTag(admitted, names);
  const claims = new PartsByTag('claim');
  const checks = new PartsByTag('check');
  const before = new PartsByTag('before');
  const after = new PartsByTag('after');
  const central = new Part('main', main ?? FOREIGN_TAG);
  const earlier = (tag: string): Part => (tag === main ? central : before.of(tag));
  const later = (tag: string): Part => (tag === main ? central : after.of(tag));

  for (const consumption of unit.consumptions) {
    const tag = names.tagOfRecord(consumption.model, consumption.key);
    (tag === main ? central : claims.of(tag)).consumptions.push(consumption);
  }
  for (const grant of grants) earlier(names.tagOf(grant.save.key)).grants.push(grant);
  for (const session of sessions) earlier(names.tagOf(session.save.uidKey)).sessions.push(session);
  for (const record of records) {
    const { model, key, grant, expiresAt } = record.save;
    const tag = names.tagOfRecord(model, key);
    later(tag).records.push(record);
    if (tag !== main && isConditional(record.save)) checks.of(tag).records.push(record);
    if (grant !== undefined && !isWithItsGrant(record.save, names)) {
      const { key: grantKey, generation } = grant;
      earlier(names.tagOf(grantKey)).grounds.push({ model, grantKey, generation, expiresAt });
    }
  }
  for (const removal of unit.removals)
    later(names.tagOfRecord(removal.model, removal.key)).removals.push(removal);
  for (const revocation of unit.revocations)
    later(names.tagOf(revocation.grantKey)).revocations.push(revocation);
  for (const uidKey of unit.endedSessions) later(names.tagOf(uidKey)).endedSessions.push(uidKey);
  for (const key of unit.readGrants) {
    if (names.tagOf(key) === main && grants.some(({ base }) => base === undefined)) central.sources.push(key);
  }
  central.awaited = claims.all.length > 0;
  return {
    claims: claims.all,
    checks: checks.all,
    before: before.all,
    main: main === undefined ? undefined : central,
    after: after.all,
  };
}
