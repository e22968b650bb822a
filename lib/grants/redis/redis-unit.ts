import {
  type CommitOutcome,
  type GrantSave,
  type RecordKey,
  type SessionSave,
  StorageUnavailable,
  type Unit,
} from '../storage.ts';
import { firstUseEnded } from './redis-first-use.ts';
import { clientOf, decodeGrant, type IndexEntry } from './redis-layouts.ts';
import { type IndexedDocument, lifeUntil, Part, type RecordWrite } from './redis-part.ts';
import {
  PartApplication,
  type PartOutcome,
  type Refusal,
  type UnitContext,
} from './redis-part-application.ts';
import { type AdmittedUnit, splitUnit, type UnitParts } from './redis-unit-parts.ts';

/** An index is told again of what lives longer than it knows, unless it is by less than this (s). */
const INDEX_MARGIN_SECONDS = 3600;

/** What a person's index is told before it is written. */
interface Announced {
  accountKey: RecordKey;
  model: string;
  save: GrantSave | SessionSave | undefined;
  entry?: IndexEntry;
  life: number;
}

/**
 * Applies one unit: announces sessions and grants to their person's index and claims what may be used once, then runs the one
 * script of what is issued, then the rest (redis-unit-parts.ts). Most units have the one script alone.
 */
export class RedisUnit {
  readonly #context: UnitContext;
  readonly #unit: Unit;
  readonly #parts: PartApplication;
  readonly #indexedUntil = new Map<GrantSave | SessionSave, number>();
  readonly #createdAt = Date.now();
  /** People who were ended since the unit began, and when those that it names were known not to be. */
  readonly #endedAccounts = new Set<string>();
  readonly #provedAt = new Map<string, number>();

  constructor(context: UnitContext, unit: Unit) {
    this.#context = context;
    this.#unit = unit;
    this.#parts = new PartApplication(context, unit.onConflict === 'skip');
  }

  /** Rejects with StorageUnavailable when it is not known what was kept; what was used is then given back, see `withdraw`. */
  async apply(): Promise<CommitOutcome> {
    const proofs = this.#unit.records.filter(({ existing }) => existing === 'refuse');
    const [refusals, ended] = await settled([
      settled(proofs.map((save) => this.#claimProof(save))),
      this.#announce(),
      ...this.#pointUserCodes(),
    ] as const);
    const refusal = refusals.find((found) => found !== undefined) ?? ended;
    if (refusal !== undefined && this.#unit.onConflict === 'refuse') return refused(refusal);
    const admitted = await this.#admitted();
    if ('reason' in admitted) return refused(admitted);
    const parts = splitUnit(admitted, this.#context.names);
    try {
      return await this.#run(parts);
    } catch (error) {
      if (error instanceof StorageUnavailable)
        this.#withdrawLater([...parts.claims, ...(parts.main === undefined ? [] : [parts.main])]);
      throw error;
    }
  }

  async #run({ claims, checks, before, main, after }: UnitParts): Promise<CommitOutcome> {
    const first = await settled([
      ...claims.map((part) => this.#parts.apply(part)),
      ...(main === undefined && after.length === 1 ? [] : checks.map((part) => this.#parts.apply(part))),
    ]);
    let outcome = firstRefusal(first);
    for (const part of outcome === undefined ? before : [])
      outcome ??= refusalOf(await this.#parts.apply(part));
    let sessionId: string | undefined;
    if (outcome === undefined && main !== undefined) {
      const applied = await this.#parts.apply(main);
      outcome = refusalOf(applied);
      if ('sessionId' in applied) ({ sessionId } = applied);
    }
    if (outcome !== undefined) {
      await settled(claims.map((part) => this.#parts.withdraw(part)));
      if (outcome.family !== undefined) await this.#endFamily(outcome.family);
      return refused(outcome);
    }
    const last = firstRefusal(await settled(after.map((part) => this.#parts.apply(part))));
    if (last !== undefined && this.#unit.onConflict === 'refuse') return refused(last);
    return { outcome: 'committed', ...(sessionId === undefined ? {} : { sessionId }) };
  }

  /**
   * Ends what was issued for something that was used twice, and is under another tag than that. Whoever used it first may be
   * between claiming and issuing: it is waited for, since otherwise neither would get anything.
   */
  async #endFamily({ grantKey, first }: NonNullable<Refusal['family']>): Promise<void> {
    await firstUseEnded(this.#context, { grantKey, first });
    await this.#context.index.end([{ key: grantKey, ending: 'tokens' }]);
  }

  /** An assertion or proof that was shown in vain was shown all the same (RFC 7523 §3, RFC 9449 §11.1). */
  async #claimProof(save: Unit['records'][number]): Promise<Refusal | undefined> {
    const part = new Part('proof', this.#context.names.tagOfRecord(save.model, save.key));
    part.records.push({ save, provedAt: 0 });
    return refusalOf(await this.#parts.apply(part));
  }

  #pointUserCodes(): Promise<void>[] {
    const { calls, names } = this.#context;
    return this.#unit.records.flatMap(({ userCodeKey, key, expiresAt }) =>
      userCodeKey === undefined ? [] : [calls.set(names.userCode(userCodeKey), key, lifeUntil(expiresAt))],
    );
  }

  /** Tells each person's index of what will be written; answers what cannot be, since the person was ended. */
  async #announce(): Promise<Refusal | undefined> {
    const announced = [
      ...this.#unit.grants.flatMap((save) => this.#grantToAnnounce(save)),
      ...this.#unit.records.flatMap(({ accountKey, model }) =>
        accountKey === undefined ? [] : [{ accountKey, model, save: undefined, life: 0 }],
      ),
      ...this.#unit.sessions.flatMap((save) => this.#sessionToAnnounce(save)),
    ];
    const people = [...Map.groupBy(announced, ({ accountKey }) => nameOf(accountKey)).values()];
    const refusals = await settled(people.map((of) => this.#announceFor(of)));
    return refusals.find((found) => found !== undefined);
  }

  async #announceFor(announced: Announced[]): Promise<Refusal | undefined> {
    const [one] = announced as [Announced];
    const entries = announced.flatMap(({ entry, life, save }) =>
      entry === undefined ? [] : [{ entry, life, save }],
    );
    const { now, endedAt, indexedUntil } = await this.#context.index.announce(one.accountKey, entries);
    for (const [index, { save }] of entries.entries()) {
      if (save !== undefined) this.#indexedUntil.set(save, indexedUntil[index] ?? 0);
    }
    this.#provedAt.set(nameOf(one.accountKey), now);
    // The earliest that the unit can have begun, by the clock of endings, which tells whole milliseconds.
    const beganAt = now - (performance.now() - this.#unit.beganAt);
    if (endedAt + 1 <= beganAt) return undefined;
    this.#endedAccounts.add(nameOf(one.accountKey));
    return { reason: 'account_ended', model: one.model };
  }

  #grantToAnnounce(save: GrantSave): Announced[] {
    const { key, accountKey, clientKey, expiresAt } = save;
    const base = save.base as IndexedDocument | undefined;
    if (isIndexed(base, expiresAt)) return [];
    const createdAt = base?.createdAt ?? this.#createdAt;
    const entry = { kind: 'grant', client: clientOf(clientKey), createdAt, key } as const;
    return [{ accountKey, model: 'Grant', save, entry, life: lifeUntil(expiresAt) }];
  }

  #sessionToAnnounce(save: SessionSave): Announced[] {
    const { uidKey, accountKey, expiresAt } = save;
    const base = save.base as IndexedDocument | undefined;
    if (accountKey === undefined) return [];
    if (isIndexed(base, expiresAt) && base?.accountKey?.equals(accountKey) === true) return [];
    const entry = { kind: 'session', key: uidKey } as const;
    return [{ accountKey, model: 'Session', save, entry, life: lifeUntil(expiresAt) }];
  }

  /** What is left to write; or why nothing is, since a grant that was read under another tag has ended. */
  async #admitted(): Promise<AdmittedUnit | Refusal> {
    const unit = this.#unit;
    const isEnded = (accountKey: RecordKey | undefined) =>
      accountKey !== undefined && this.#endedAccounts.has(nameOf(accountKey));
    const grants = unit.grants
      .filter(({ accountKey }) => !isEnded(accountKey))
      .map((save) => {
        const base = save.base as IndexedDocument | undefined;
        const indexedUntil = this.#indexedUntil.get(save) ?? base?.indexedUntil ?? 0;
        return {
          save,
          base,
          payload: save.payload,
          createdAt: base?.createdAt ?? this.#createdAt,
          indexedUntil,
        };
      });
    const sessions = unit.sessions
      .filter(({ accountKey }) => !isEnded(accountKey))
      .map((save) => {
        const base = save.base as IndexedDocument | undefined;
        const indexedUntil = this.#indexedUntil.get(save) ?? base?.indexedUntil ?? 0;
        return { save, base, payload: save.payload, indexedUntil, keepsId: true };
      });
    const records = await settled(
      unit.records
        .filter(({ existing, accountKey }) => existing !== 'refuse' && !isEnded(accountKey))
        .map((save) => this.#recordToWrite(save)),
    );
    const made = grants.find(({ base }) => base === undefined);
    if (made !== undefined && (await this.#sourceHasEnded(made.save.key))) {
      return { reason: 'grant_revoked', model: 'Grant' };
    }
    return { unit, grants, sessions, records };
  }

  /** A record under another tag than its grant's is written in the generation that was seen, else that is now. */
  async #recordToWrite(save: Unit['records'][number]): Promise<RecordWrite> {
    const { names } = this.#context;
    const { model, key, grant, accountKey } = save;
    const provedAt = (accountKey && this.#provedAt.get(nameOf(accountKey))) ?? 0;
    if (grant === undefined || grant.generation !== undefined) return { save, provedAt };
    if (names.tagOf(grant.key) === names.tagOfRecord(model, key)) return { save, provedAt };
    const value = await this.#context.calls.get(names.grant(grant.key));
    const generation = value === undefined ? 0 : decodeGrant(value).generation;
    return { save: { ...save, grant: { key: grant.key, generation } }, provedAt };
  }

  /** Asked after the new grant was announced: whoever ends the one that it copies looks for copies after that. */
  async #sourceHasEnded(made: RecordKey): Promise<boolean> {
    const { calls, names } = this.#context;
    const elsewhere = this.#unit.readGrants.filter((key) => names.tagOf(key) !== names.tagOf(made));
    const values = await settled(elsewhere.map((key) => calls.get(names.grant(key))));
    return values.some((value) => value === undefined || decodeGrant(value).ended);
  }

  /** Goes on in the background, for as long as Redis may take to come back: no answer waits for it. */
  #withdrawLater(parts: Part[]): void {
    for (const part of parts)
      if (part.consumptions.length > 0) this.#context.withdrawals.add(() => this.#parts.withdraw(part));
  }
}

const nameOf = (key: RecordKey): string => key.toString('latin1');

function isIndexed(base: IndexedDocument | undefined, expiresAt: number): boolean {
  return base !== undefined && expiresAt + INDEX_MARGIN_SECONDS <= base.indexedUntil;
}

const refusalOf = (outcome: PartOutcome): Refusal | undefined =>
  'refusal' in outcome ? outcome.refusal : undefined;

function firstRefusal(outcomes: PartOutcome[]): Refusal | undefined {
  return outcomes.map(refusalOf).find((refusal) => refusal !== undefined);
}

function refused({ reason, model }: Refusal): CommitOutcome {
  return { outcome: 'refused', reason, model };
}

/** Waits for all, also when one fails: nothing of a unit goes on once it has been answered. */
async function settled<Results extends readonly unknown[]>(
  work: {
    [Index in keyof Results]: Promise<Results[Index]>;
  },
): Promise<Results> {
  const results = await Promise.allSettled(work as readonly Promise<unknown>[]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.map((result) => (result as PromiseFulfilledResult<unknown>).value) as unknown as Results;
}
