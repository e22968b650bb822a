import { mergeGrant } from '../merge-grant.ts';
import { mergeSession } from '../merge-session.ts';
import { type PayloadSealer, stampOf } from '../payload-sealer.ts';
import { recordKey } from '../record-key.ts';
import type { SealedUnit } from '../sealed-unit.ts';
import type {
  CommitOutcome,
  Consumption,
  GrantSave,
  RecordKey,
  RecordSave,
  RefusalReason,
  SessionSave,
  Unit,
} from '../storage.ts';
import { grantAt, recordAt, type Statements, sessionAt } from './sqlite-statements.ts';

/** A repeated refresh token was judged a moment ago, by a read; its grace does not end while its request is answered (s). */
const GRACE_SLACK_SECONDS = 5;

type Write = () => void;
type Refusal = { reason: RefusalReason; model: string; revoke?: RecordKey | undefined };
/** What judging one part of a unit comes to: writes to make once all parts are judged, or a refusal. */
type Verdict = { writes: Write[] } | { refusal: Refusal };

const keep = (...writes: Write[]): Verdict => ({ writes });
const refuse = (reason: RefusalReason, model: string, revoke?: RecordKey): Verdict => ({
  refusal: { reason, model, revoke },
});

/**
 * Applies one unit inside the transaction that its caller has begun IMMEDIATE: what is judged here cannot change before it
 * is written. Everything is judged first, so that a refused unit has written nothing.
 */
export class UnitApplication {
  readonly #statements: Statements;
  readonly #sealer: PayloadSealer;
  readonly #sealed: SealedUnit;
  readonly #unit: Unit;
  /** Unix time, s and ms. */
  readonly #now: number;
  readonly #nowMilliseconds: number;
  #sessionId: string | undefined;

  constructor(statements: Statements, sealer: PayloadSealer, sealed: SealedUnit, nowMilliseconds: number) {
    this.#statements = statements;
    this.#sealer = sealer;
    this.#sealed = sealed;
    this.#unit = sealed.unit;
    this.#nowMilliseconds = nowMilliseconds;
    this.#now = Math.floor(nowMilliseconds / 1000);
  }

  apply(): CommitOutcome {
    const { records, consumptions, grants, sessions, onConflict } = this.#unit;
    const writes: Write[] = [];
    const judge = (verdict: Verdict): Refusal | undefined => {
      if ('refusal' in verdict) return onConflict === 'refuse' ? verdict.refusal : undefined;
      writes.push(...verdict.writes);
      return undefined;
    };
    const refusal =
      firstOf(consumptions, (consumption) => judge(this.#judgeConsumption(consumption))) ??
      firstOf(grants, (save, index) => judge(this.#judgeGrant(save, this.#sealed.grants[index]))) ??
      firstOf(records, (save, index) => judge(this.#judgeRecord(save, this.#sealed.records[index]))) ??
      firstOf(sessions, (save, index) => judge(this.#judgeSession(save, this.#sealed.sessions[index])));
    if (refusal !== undefined) {
      if (refusal.revoke !== undefined) this.#statements.revokeTokens.run(refusal.revoke);
      this.#keepProofs();
      return { outcome: 'refused', reason: refusal.reason, model: refusal.model };
    }
    for (const write of writes) write();
    this.#end();
    return { outcome: 'committed', ...(this.#sessionId === undefined ? {} : { sessionId: this.#sessionId }) };
  }

  /** An assertion or proof that was shown in vain was shown all the same (RFC 7523 §3, RFC 9449 §11.1). */
  #keepProofs(): void {
    for (const [index, save] of this.#unit.records.entries()) {
      if (save.existing !== 'refuse') continue;
      const verdict = this.#judgeRecord(save, this.#sealed.records[index]);
      if ('writes' in verdict) for (const write of verdict.writes) write();
    }
  }

  #end(): void {
    const { removals, revocations, endedSessions } = this.#unit;
    for (const { key } of removals) this.#statements.removeRecord.run(key);
    for (const { grantKey, consent } of revocations) {
      (consent ? this.#statements.endGrant : this.#statements.revokeTokens).run(grantKey);
    }
    for (const uidKey of endedSessions) this.#statements.endSession.run(uidKey);
  }

  #judgeConsumption(consumption: Consumption): Verdict {
    const { model, key, grantKey, graceSeconds, successorKey } = consumption;
    const row = recordAt(this.#statements, key);
    if (row === undefined) return refuse('already_used', model);
    const { consumedAt } = row;
    if (consumedAt === null) return keep(() => this.#statements.consumeRecord.run(this.#now, key));
    const withinGrace = graceSeconds > 0 && this.#now - consumedAt <= graceSeconds + GRACE_SLACK_SECONDS;
    if (!withinGrace) return refuse(model === 'RefreshToken' ? 'reused' : 'already_used', model, grantKey);
    if (successorKey === undefined) return keep();
    // Within the grace nothing new is issued: a line of tokens that splits would hide a thief.
    return recordAt(this.#statements, successorKey)?.consumedAt === null
      ? keep()
      : refuse('already_used', model);
  }

  #judgeRecord(save: RecordSave, sealed: Buffer | undefined): Verdict {
    const { model, key, grant, existing, base, accountKey, expiresAt } = save;
    if (accountKey !== undefined && this.#endedSinceStart(accountKey)) return refuse('account_ended', model);
    const issued = grant === undefined ? undefined : this.#judgeGround(grant, expiresAt);
    if (issued !== undefined && 'revoked' in issued) return refuse('grant_revoked', model);
    // Kept is what was there before: who comes with the same successor of a refresh token has come second.
    const isAdded = existing === 'keep' && base === undefined;
    if (!isAdded && (existing !== 'replace' || base !== undefined)) {
      const row = recordAt(this.#statements, key);
      const present = row !== undefined && row.expiresAt > this.#now;
      if (base !== undefined && !present) return refuse('already_used', model);
      if (existing === 'unchanged' && present && row.writtenAt !== base?.writtenAt) {
        return refuse('already_used', model);
      }
      if (existing === 'refuse' && present) return refuse('replayed', model);
      if (existing === 'keep') return keep();
    }
    const { saveRecord, addRecord } = this.#statements;
    const row = [
      key,
      model,
      grant?.key ?? null,
      issued?.generation ?? null,
      save.sessionKey ?? null,
      save.userCodeKey ?? null,
      this.#nowMilliseconds,
      expiresAt,
      sealed as Buffer,
      stampOf(sealed as Buffer),
    ];
    return keep(
      () => (isAdded ? addRecord.run(...row, this.#now) : saveRecord.run(...row)),
      ...(issued?.writes ?? []),
    );
  }

  /** The generation that something is issued in, if its grant still is what the unit saw. */
  #judgeGround(
    { key, generation }: NonNullable<RecordSave['grant']>,
    expiresAt: number,
  ): { generation: number; writes: Write[] } | { revoked: true } {
    const row = grantAt(this.#statements, key);
    const isNew = this.#unit.grants.some((saved) => saved.key.equals(key));
    if (row === undefined && !isNew) return { revoked: true };
    const current = row?.generation ?? 0;
    if (row?.hasEnded === true || (generation !== undefined && generation !== current))
      return { revoked: true };
    // The tombstone of a grant must outlive what was issued under it.
    const outlives = row !== undefined && row.expiresAt >= expiresAt;
    return {
      generation: current,
      writes: outlives ? [] : [() => this.#statements.outliveToken.run(expiresAt, key)],
    };
  }

  #judgeGrant(save: GrantSave, sealed: Buffer | undefined): Verdict {
    const { key, base, accountKey, clientKey, expiresAt } = save;
    if (this.#endedSinceStart(accountKey)) return refuse('account_ended', 'Grant');
    const row = grantAt(this.#statements, key);
    if (row?.hasEnded === true || (row === undefined && base !== undefined))
      return refuse('grant_revoked', 'Grant');
    if (row === undefined && this.#unit.readGrants.some((read) => this.#hasEnded(read))) {
      return refuse('grant_revoked', 'Grant');
    }
    const payload =
      row === undefined || row.version === base?.version
        ? (sealed as Buffer)
        : this.#seal('grant', key, mergeGrant(save.payload, this.#open('grant', key)));
    return keep(() =>
      this.#statements.saveGrant.run(
        key,
        accountKey,
        clientKey,
        this.#nowMilliseconds,
        expiresAt,
        payload,
        stampOf(payload),
      ),
    );
  }

  #judgeSession(save: SessionSave, sealed: Buffer | undefined): Verdict {
    const { uidKey, idKey, base, isAsRead, accountKey, expiresAt, formerIdKeys, formerIdSeconds } = save;
    if (accountKey !== undefined && this.#endedSinceStart(accountKey))
      return refuse('account_ended', 'Session');
    const row = sessionAt(this.#statements, uidKey);
    if (row?.hasEnded === true || (row === undefined && base !== undefined))
      return refuse('session_ended', 'Session');
    if (isAsRead && row?.version === base?.version) return keep();
    const { saveSession, saveSessionId, shortenSessionId } = this.#statements;
    let payload = sealed as Buffer;
    let saveId: Write = () => saveSessionId.run(idKey, uidKey, accountKey ?? null, expiresAt);
    if (row !== undefined && row.version !== base?.version) {
      const merged = mergeSession(base?.payload ?? '{}', save.payload, this.#open('session', uidKey));
      if (merged === undefined) return refuse('session_changed', 'Session');
      payload = this.#seal('session', uidKey, merged);
      const { jti } = JSON.parse(merged) as { jti: string };
      if (!recordKey('Session', jti).equals(idKey)) {
        // Another request replaced the identifier that this one came with: it is not given a new life.
        saveId = () => {
          this.#sessionId = jti;
        };
      }
    }
    return keep(
      () => saveSession.run(uidKey, accountKey ?? null, expiresAt, payload, stampOf(payload)),
      saveId,
      ...formerIdKeys.map((former) => () => shortenSessionId.run(this.#now + formerIdSeconds, former)),
    );
  }

  #hasEnded(grantKey: RecordKey): boolean {
    return grantAt(this.#statements, grantKey)?.hasEnded !== false;
  }

  /** At the same millisecond counts as since: the person asks again, and nobody who was sent away stays. */
  #endedSinceStart(accountKey: RecordKey): boolean {
    const ending = this.#statements.readAccountEnding.get(accountKey);
    return ending !== undefined && Number(ending.ended_at) >= this.#unit.startedAt;
  }

  #open(table: 'grant' | 'session', key: RecordKey): string {
    const { readGrant, readSession } = this.#statements;
    const row = (table === 'grant' ? readGrant : readSession).get(key);
    return this.#sealer.open(table, key, row?.payload as Uint8Array).payload;
  }

  #seal(table: 'grant' | 'session', key: RecordKey, payload: string): Buffer {
    return this.#sealer.seal(table, key, { payload });
  }
}

function firstOf<Item>(
  items: Item[],
  judge: (item: Item, index: number) => Refusal | undefined,
): Refusal | undefined {
  for (const [index, item] of items.entries()) {
    const refusal = judge(item, index);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
