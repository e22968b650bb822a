import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../database/database.ts';
import { GroupCommit } from './group-commit.ts';
import { PayloadSealer, type SealedTable } from './payload-sealer.ts';
import { sealUnit } from './sealed-unit.ts';
import { prepareStatements, type Statements } from './sqlite-statements.ts';
import { UnitApplication } from './sqlite-unit.ts';
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
} from './storage.ts';

/** How long (ms) a commit waits for another process's transaction before the request is told to try again. */
const BUSY_TIMEOUT_MILLISECONDS = 2000;
/** Pages of the tables of this room kept in memory; other connections see little of the database. */
const PAGE_CACHE_KIBIBYTES = 8192;
/** How long (s) a person's ending is remembered: longer than any interaction that began before it may take. */
const ENDING_SECONDS = 2 * 86_400;

type Row = Record<string, SQLOutputValue>;

/**
 * The embedded backend: one SQLite file that several processes share. Reads and writes are synchronous and take
 * microseconds; writes of one turn of the event loop share a transaction (group-commit.ts).
 */
export class SqliteStorage implements GrantStorage {
  readonly #connection: DatabaseSync;
  readonly #statements: Statements;
  readonly #sealer: PayloadSealer;
  readonly #commits: GroupCommit;

  constructor(database: Database) {
    this.#connection = database.openConnection();
    this.#connection.exec(
      `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MILLISECONDS}; PRAGMA cache_size = -${PAGE_CACHE_KIBIBYTES}`,
    );
    this.#statements = prepareStatements(this.#connection);
    this.#sealer = new PayloadSealer(database.sealer);
    this.#commits = new GroupCommit(this.#connection);
  }

  async readRecord(_model: string, key: RecordKey): Promise<StoredRecord | undefined> {
    return this.#reading(() => this.#recordOf(this.#statements.readRecord.get(now(), key)));
  }

  async readRecordByUserCode(model: string, userCodeKey: RecordKey): Promise<StoredRecord | undefined> {
    return this.#reading(() => {
      return this.#recordOf(this.#statements.readRecordByUserCode.get(now(), userCodeKey, model));
    });
  }

  async readGrant(key: RecordKey): Promise<StoredGrant | undefined> {
    return this.#reading(() => this.#grantOf(this.#statements.readGrant.get(key, now()), key));
  }

  async readLatestGrant(accountKey: RecordKey, clientKey: RecordKey): Promise<StoredGrant | undefined> {
    return this.#reading(() => {
      const row = this.#statements.readLatestGrant.get(accountKey, clientKey, now());
      return this.#grantOf(row, row?.key as Uint8Array);
    });
  }

  async readSession(by: 'id' | 'uid', key: RecordKey): Promise<StoredDocument | undefined> {
    const { readSessionById, readSessionByUid } = this.#statements;
    return this.#reading(() => {
      const row = (by === 'id' ? readSessionById : readSessionByUid).get(key, now());
      return row === undefined
        ? undefined
        : { payload: this.#open('session', row.uid_key, row.payload), version: Number(row.version) };
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
    return this.#commits.run(() =>
      new UnitApplication(this.#statements, this.#sealer, sealed, Date.now()).apply(),
    );
  }

  endAccount(accountKey: RecordKey, { consent }: { consent: boolean }): Promise<void> {
    const { saveAccountEnding, endAccountSessions, endAccountGrants, revokeAccountTokens } = this.#statements;
    return this.#commits.run(() => {
      saveAccountEnding.run(accountKey, Date.now(), now() + ENDING_SECONDS);
      endAccountSessions.run(accountKey);
      (consent ? endAccountGrants : revokeAccountTokens).run(accountKey);
    });
  }

  endGrants({ accountKey, clientKey }: GrantFilter): Promise<number> {
    const { endPairGrants, endAccountGrants, endClientGrants } = this.#statements;
    return this.#commits.run(() => {
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
      this.#statements.listGrants.all(now(), accountKey ?? null, clientKey ?? null).map((row) => ({
        payload: this.#open('grant', row.key, row.payload),
        createdAt: Number(row.created_at),
      })),
    );
  }

  async listSessions({ accountKey }: { accountKey?: RecordKey }): Promise<{ payload: string }[]> {
    return this.#reading(() =>
      this.#statements.listSessions
        .all(now(), accountKey ?? null)
        .map((row) => ({ payload: this.#open('session', row.uid_key, row.payload) })),
    );
  }

  async sweep(limit: number): Promise<boolean> {
    const { sweepRecords, sweepGrants, sweepSessions, sweepSessionIds, sweepEndings } = this.#statements;
    const sweeps = [sweepRecords, sweepGrants, sweepSessions, sweepSessionIds, sweepEndings];
    return this.#commits.run(() => {
      const removed = sweeps.map((sweep) => Number(sweep.run(now(), limit).changes));
      return removed.some((count) => count >= limit);
    });
  }

  async check(): Promise<void> {
    this.#reading(() => this.#statements.check.get());
  }

  async close(): Promise<void> {
    while (this.#commits.busy) await nextTurn();
    this.#connection.close();
  }

  #recordOf(row: Row | undefined): StoredRecord | undefined {
    if (row === undefined) return undefined;
    // Valid means: its grant lives, in the generation that it was issued in.
    if (row.grant_key !== null && (row.ended !== 0 || row.current !== row.generation)) return undefined;
    return {
      payload: this.#open('record', row.key, row.payload),
      generation: row.generation === null ? null : Number(row.generation),
      consumedAt: row.consumed_at === null ? null : Number(row.consumed_at),
      writtenAt: Number(row.written_at),
      ...this.#groundOf(row),
    };
  }

  #groundOf(row: Row): Pick<StoredRecord, 'grant' | 'session'> {
    const ground: Pick<StoredRecord, 'grant' | 'session'> = {};
    if (row.grant_payload !== null) {
      ground.grant = {
        payload: this.#open('grant', row.grant_key, row.grant_payload),
        version: Number(row.grant_version),
        generation: Number(row.current),
      };
    }
    if (row.session_payload !== null) {
      const payload = this.#open('session', row.session_key, row.session_payload);
      ground.session = { payload, version: Number(row.session_version) };
    }
    return ground;
  }

  #grantOf(row: Row | undefined, key: Uint8Array): StoredGrant | undefined {
    if (row === undefined) return undefined;
    return {
      payload: this.#open('grant', key, row.payload),
      version: Number(row.version),
      generation: Number(row.generation),
    };
  }

  #open(table: SealedTable, key: unknown, payload: unknown): string {
    return this.#sealer.open(table, key as Uint8Array, payload as Uint8Array);
  }

  #reading<Value>(read: () => Value): Value {
    try {
      return read();
    } catch (cause) {
      throw new StorageUnavailable('the embedded store cannot be read now', { cause });
    }
  }
}

/** Unix time, s. */
function now(): number {
  return Math.floor(Date.now() / 1000);
}
