import type { Database } from '../../database/database.ts';
import { DatabaseUnavailable } from '../../database/database-unavailable.ts';
import { SealError } from '../../database/sealer.ts';
import type { EmbeddedConnection } from '../../database/sqlite/embedded-connection.ts';
import { secondsNow } from '../model-storage.ts';
import { type OpenPayload, PayloadSealer, type SealedTable, stampOf } from '../payload-sealer.ts';
import { sealUnit } from '../sealed-unit.ts';
import {
  type CommitOutcome,
  type GrantFilter,
  type GrantStorage,
  type RecordKey,
  StorageUnavailable,
  type StoredDocument,
  type StoredGrant,
  type StoredRecord,
  type Unit,
} from '../storage.ts';
import { look, prepareStatements, type Statements } from './sqlite-statements.ts';
import { UnitApplication } from './sqlite-unit.ts';

/** How often a row is looked at that others write at the same moment. */
const MOST_LOOKS = 100;
/** How long (s) a person's ending is remembered: longer than any interaction that began before it may take. */
const ENDING_SECONDS = 2 * 86_400;

/** The embedded backend: one SQLite file that several processes share. */
export class SqliteStorage implements GrantStorage {
  readonly #embedded: EmbeddedConnection;
  readonly #statements: Statements;
  readonly #sealer: PayloadSealer;

  constructor({ embedded, sealer }: Pick<Database, 'embedded' | 'sealer'>) {
    this.#embedded = embedded;
    this.#statements = prepareStatements(embedded);
    this.#sealer = new PayloadSealer(sealer);
  }

  get commits(): number {
    return this.#embedded.commits;
  }

  readRecord(_model: string, key: RecordKey): StoredRecord | undefined {
    return this.#reading(() => this.#readRecord(key));
  }

  async readRecordByUserCode(model: string, userCodeKey: RecordKey): Promise<StoredRecord | undefined> {
    return this.#reading(() => {
      const row = this.#statements.findRecordByUserCode.get(userCodeKey, model, secondsNow());
      return row === undefined ? undefined : this.#readRecord(row.key as Uint8Array);
    });
  }

  readGrant(key: RecordKey): StoredGrant | undefined {
    return this.#reading(() => this.#readGrant(key));
  }

  async readLatestGrant(accountKey: RecordKey, clientKey: RecordKey): Promise<StoredGrant | undefined> {
    return this.#reading(() => {
      const row = this.#statements.findLatestGrant.get(accountKey, clientKey, secondsNow());
      return row === undefined ? undefined : this.#readGrant(row.key as Uint8Array);
    });
  }

  readSession(by: 'id' | 'uid', key: RecordKey): StoredDocument | undefined {
    return this.#reading(() => {
      if (by === 'uid') return this.#readSession(key);
      const row = this.#statements.lookAtSessionById.get(key, secondsNow());
      if (row === undefined) return undefined;
      const [uidKey, version, stamp] = row as unknown as [Uint8Array, number, number];
      const open = this.#openRow('session', uidKey, stamp);
      return open === undefined ? this.#readSession(uidKey) : { payload: open.payload, version };
    });
  }

  async readAccountEnding(accountKey: RecordKey): Promise<number | undefined> {
    return this.#reading(() => {
      const row = this.#statements.readAccountEnding.get(accountKey);
      return row === undefined ? undefined : Number(row.ended_at);
    });
  }

  apply(unit: Unit): Promise<CommitOutcome> {
    const sealed = sealUnit(this.#sealer, unit);
    return this.#writing(
      () => new UnitApplication(this.#statements, this.#sealer, sealed, Date.now()).apply(),
      { isDurable: !isUnderWayOnly(unit) },
    );
  }

  endAccount(accountKey: RecordKey, { consent }: { consent: boolean }): Promise<void> {
    const { saveAccountEnding, endAccountSessions, endAccountGrants, revokeAccountTokens } = this.#statements;
    return this.#writing(() => {
      saveAccountEnding.run(accountKey, Date.now(), secondsNow() + ENDING_SECONDS);
      endAccountSessions.run(accountKey);
      (consent ? endAccountGrants : revokeAccountTokens).run(accountKey);
    });
  }

  endGrants({ accountKey, clientKey }: GrantFilter): Promise<number> {
    const { endPairGrants, endAccountGrants, endClientGrants } = this.#statements;
    return this.#writing(() => {
      if (accountKey !== undefined && clientKey !== undefined) {
        return Number(endPairGrants.run(accountKey, clientKey).changes);
      }
      if (accountKey !== undefined) return Number(endAccountGrants.run(accountKey).changes);
      return clientKey === undefined ? 0 : Number(endClientGrants.run(clientKey).changes);
    });
  }

  async listGrants({
    accountKey,
    clientKey,
  }: GrantFilter): Promise<{ payload: string; createdAt: number }[]> {
    return this.#reading(() =>
      this.#statements.listGrants.all(secondsNow(), accountKey ?? null, clientKey ?? null).map((row) => ({
        payload: this.#openListed('grant', row.key, row.payload),
        createdAt: Number(row.created_at),
      })),
    );
  }

  async listSessions({ accountKey }: { accountKey?: RecordKey }): Promise<{ payload: string }[]> {
    return this.#reading(() =>
      this.#statements.listSessions
        .all(secondsNow(), accountKey ?? null)
        .map((row) => ({ payload: this.#openListed('session', row.uid_key, row.payload) })),
    );
  }

  async sweep(limit: number): Promise<boolean> {
    const { sweepRecords, sweepGrants, sweepSessions, sweepSessionIds, sweepEndings } = this.#statements;
    const sweeps = [sweepRecords, sweepGrants, sweepSessions, sweepSessionIds, sweepEndings];
    return this.#writing(() => {
      const removed = sweeps.map((sweep) => Number(sweep.run(secondsNow(), limit).changes));
      return removed.some((count) => count >= limit);
    });
  }

  async check(): Promise<void> {
    this.#reading(() => this.#statements.check.get());
    try {
      this.#embedded.check();
    } catch (cause) {
      throw new StorageUnavailable((cause as Error).message, { cause });
    }
  }

  /** The file is closed by whoever opened it. */
  async close(): Promise<void> {}

  #readRecord(key: Uint8Array, looks = 1): StoredRecord | undefined {
    const row = look(this.#statements.lookAtRecord, secondsNow(), key);
    if (row === undefined) return undefined;
    const [generation, consumedAt, writtenAt, stamp, hasGrant, current, ended, ...ground] = row;
    // Valid means: its grant lives, in the generation that it was issued in.
    if (hasGrant === 1 && (ended !== 0 || current !== generation)) return undefined;
    const open = this.#openRow('record', key, Number(stamp));
    if (open === undefined) return this.#readRecord(key, another(looks));
    const stored = {
      generation: generation ?? null,
      consumedAt: consumedAt ?? null,
      writtenAt: Number(writtenAt),
    };
    const { payload, grantKey, sessionKey } = open;
    return { ...stored, payload, grantKey, sessionKey, ...this.#groundOf(open, Number(current), ground) };
  }

  /** What a record stands on, where it is at hand in clear. */
  #groundOf(
    { grantKey, sessionKey }: OpenPayload,
    generation: number,
    [grantVersion, grantStamp, sessionVersion, sessionStamp]: ReadonlyArray<number | null>,
  ): Pick<StoredRecord, 'grant' | 'session'> {
    const ground: Pick<StoredRecord, 'grant' | 'session'> = {};
    const grant = grantKey && this.#sealer.recall('grant', grantKey, Number(grantStamp));
    if (grant) ground.grant = { payload: grant.payload, version: Number(grantVersion), generation };
    const session = sessionKey && this.#sealer.recall('session', sessionKey, Number(sessionStamp));
    if (session) ground.session = { payload: session.payload, version: Number(sessionVersion) };
    return ground;
  }

  #readGrant(key: Uint8Array, looks = 1): StoredGrant | undefined {
    const row = look(this.#statements.lookAtGrant, key, secondsNow());
    if (row === undefined) return undefined;
    const [version, generation, stamp] = row.map(Number) as [number, number, number];
    const open = this.#openRow('grant', key, stamp);
    if (open === undefined) return this.#readGrant(key, another(looks));
    return { payload: open.payload, version, generation };
  }

  #readSession(uidKey: Uint8Array, looks = 1): StoredDocument | undefined {
    const row = look(this.#statements.lookAtSession, uidKey, secondsNow());
    if (row === undefined) return undefined;
    const [version, stamp] = row.map(Number) as [number, number];
    const open = this.#openRow('session', uidKey, stamp);
    if (open === undefined) return this.#readSession(uidKey, another(looks));
    return { payload: open.payload, version };
  }

  /** The payload that a row held a moment ago; undefined when it was written or removed since: then look again. */
  #openRow(table: SealedTable, key: Uint8Array, stamp: number): OpenPayload | undefined {
    const known = this.#sealer.recall(table, key, stamp);
    if (known !== undefined) return known;
    const { readRecord, readGrant, readSession } = this.#statements;
    const row = { record: readRecord, grant: readGrant, session: readSession }[table].get(key);
    if (row === undefined || row.payload === null || stampOf(row.payload as Uint8Array) !== stamp)
      return undefined;
    return this.#sealer.open(table, key, row.payload as Uint8Array, {
      grantKey: row.grant_key ? Buffer.from(row.grant_key as Uint8Array) : undefined,
      sessionKey: row.session_key ? Buffer.from(row.session_key as Uint8Array) : undefined,
    });
  }

  #openListed(table: SealedTable, key: unknown, payload: unknown): string {
    return this.#sealer.open(table, key as Uint8Array, payload as Uint8Array).payload;
  }

  #reading<Value>(read: () => Value): Value {
    try {
      return this.#embedded.read(read);
    } catch (cause) {
      throw unavailable('the embedded store cannot be read now', cause);
    }
  }

  async #writing<Outcome>(work: () => Outcome, options?: { isDurable?: boolean }): Promise<Outcome> {
    try {
      return await this.#embedded.write(work, options);
    } catch (cause) {
      throw unavailable('the embedded store cannot keep this now', cause);
    }
  }
}

/**
 * Whether a unit keeps nothing but how far a sign-in has come: nobody has been told anything yet that would hold after power loss, and what ends it
 * is on the disk with all that led to it, or not at all.
 */
function isUnderWayOnly({ records, ...others }: Unit): boolean {
  const { consumptions, removals, grants, sessions, revocations, endedSessions } = others;
  return (
    records.every(({ model }) => model === 'Interaction') &&
    [consumptions, removals, grants, sessions, revocations, endedSessions].every(({ length }) => length === 0)
  );
}

function unavailable(what: string, cause: unknown): StorageUnavailable {
  const why = cause instanceof DatabaseUnavailable ? `: ${cause.message}` : '';
  return new StorageUnavailable(`${what}${why}`, { cause });
}

/** Rows change between two looks, but not for ever: one whose stamp never fits was changed by hand. */
function another(looks: number): number {
  if (looks >= MOST_LOOKS) throw new SealError('a row does not hold the sealed value that it says it holds');
  return looks + 1;
}
