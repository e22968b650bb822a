import { SealError, type Sealer } from '../../database/sealer.ts';
import type { Log } from '../../observability/log.ts';
import type { RedisConnection } from '../../redis/redis.ts';
import { PayloadSealer } from '../payload-sealer.ts';
import { SlotTags } from '../slot-tags.ts';
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
import { RedisCalls } from './redis-calls.ts';
import { openDocument, openPayload } from './redis-documents.ts';
import { firstUseEnded } from './redis-first-use.ts';
import { type Ending, inTurns, RedisIndex } from './redis-index.ts';
import { decodeGrant, decodePointer, decodeRecord, decodeSession, type IndexEntry } from './redis-layouts.ts';
import { RedisNames } from './redis-names.ts';
import type { IndexedDocument } from './redis-part.ts';
import type { UnitContext } from './redis-part-application.ts';
import { READ_RECORD, READ_SESSION } from './redis-scripts.ts';
import { RedisUnit } from './redis-unit.ts';
import { Withdrawals } from './redis-withdrawals.ts';

const NO_KEY = Buffer.alloc(0);
/** How long (s) after a use it may be that what it was for is still being issued. */
const FRESH_SECONDS = 2;
/** How often it is looked for what was made meanwhile of what is being ended. */
const MOST_PASSES = 20;

/**
 * The backend for several machines: Redis by itself, behind Sentinels, or a Cluster (docs/decisions/0013-redis-grants.md). A session,
 * its grants, and their codes and tokens are in one slot, so that what a request issues is one script, and reading a token
 * with all that it stands on another. Everything expires by the server's clock.
 */
export class RedisStorage implements GrantStorage {
  readonly #connection: RedisConnection;
  readonly #calls: RedisCalls;
  readonly #names: RedisNames;
  readonly #index: RedisIndex;
  readonly #sealer: PayloadSealer;
  readonly #withdrawals: Withdrawals;
  readonly #context: UnitContext;

  /** `epoch` is the directory's: what was remembered in another one is not found. */
  constructor(options: { connection: RedisConnection; sealer: Sealer; epoch: string; log: Log }) {
    const { connection, sealer, epoch, log } = options;
    this.#connection = connection;
    this.#calls = new RedisCalls(connection);
    this.#names = new RedisNames(connection.prefix, epoch, new SlotTags(sealer.deriveAll('slot tags')));
    this.#index = new RedisIndex(this.#calls, this.#names);
    this.#sealer = new PayloadSealer(sealer);
    this.#withdrawals = new Withdrawals(log);
    this.#context = {
      calls: this.#calls,
      names: this.#names,
      index: this.#index,
      sealer: this.#sealer,
      withdrawals: this.#withdrawals,
    };
  }

  createIdentifier(neighbour?: string): string {
    return this.#names.tags.createIdentifier(neighbour);
  }

  readRecord(model: string, key: RecordKey): Promise<StoredRecord | undefined> {
    return this.#readRecord(model, key, false);
  }

  async #readRecord(model: string, key: RecordKey, isSecondLook: boolean): Promise<StoredRecord | undefined> {
    const tag = this.#names.tagOfRecord(model, key);
    const fronts = [this.#names.front(tag, 'grant'), this.#names.front(tag, 'session')];
    const name = this.#names.record(model, key);
    const reply = (await this.#calls.run(READ_RECORD, [name], fronts, false)) as [
      number,
      ...(Buffer | null)[],
    ];
    const [readAt, value, grantValue, sessionValue] = reply;
    if (!value) return undefined;
    return opening(async () => {
      const record = decodeRecord(value);
      const { grantKey, sessionKey, generation, writtenAt, provedAt, consumedAt, consumer } = record;
      // Claimed a moment ago, under another tag than what it is for: whoever hears of it now would end that.
      if (grantKey !== undefined && consumedAt !== 0 && readAt - consumedAt <= FRESH_SECONDS) {
        const apart = this.#names.tagOf(grantKey) !== tag && !isSecondLook;
        if (apart) {
          await firstUseEnded(this.#context, { grantKey, first: consumer });
          return this.#readRecord(model, key, true);
        }
      }
      const grant = grantKey && (await this.#openGrant(grantKey, grantValue ?? undefined));
      // Valid means: its grant lives, in the generation that it was issued in.
      if (grantKey !== undefined && grant?.generation !== generation) return undefined;
      const session = sessionKey && sessionValue ? this.#openSession(sessionKey, sessionValue) : undefined;
      const { payload } = openPayload(this.#sealer, 'record', key, record.sealed, { grantKey, sessionKey });
      return {
        payload,
        generation: generation < 0 ? null : generation,
        consumedAt: consumedAt === 0 ? null : consumedAt,
        writtenAt,
        readAt,
        grantKey,
        sessionKey,
        ...(provedAt === 0 ? {} : { provedAt }),
        ...(grant === undefined ? {} : { grant }),
        ...(session === undefined ? {} : { session }),
      };
    });
  }

  async readRecordByUserCode(model: string, userCodeKey: RecordKey): Promise<StoredRecord | undefined> {
    const key = await this.#calls.get(this.#names.userCode(userCodeKey));
    return key === undefined ? undefined : this.readRecord(model, key);
  }

  readGrant(key: RecordKey): Promise<StoredGrant | undefined> {
    return opening(() => this.#openGrant(key, undefined));
  }

  async readLatestGrant(accountKey: RecordKey, clientKey: RecordKey): Promise<StoredGrant | undefined> {
    const entries = await this.#index.entries({ accountKey, clientKey });
    const newestFirst = entries.sort((one, other) => createdAt(other) - createdAt(one));
    for (const { key } of newestFirst) {
      const grant = await this.readGrant(key);
      if (grant !== undefined) return grant;
    }
    return undefined;
  }

  async readSession(by: 'id' | 'uid', key: RecordKey): Promise<StoredDocument | undefined> {
    if (by === 'uid') return this.#readSession(key);
    const front = this.#names.front(this.#names.tagOf(key), 'session');
    const reply = await this.#calls.run(READ_SESSION, [this.#names.sessionId(key)], [front], false);
    const [pointer, value] = reply as (Buffer | null)[];
    if (!pointer) return undefined;
    return opening(async () => {
      const { uidKey, accountKey } = decodePointer(pointer);
      const session = value ? this.#openSession(uidKey, value) : await this.#readSession(uidKey);
      // An identifier from before a sign-in does not lead to the session after it.
      const owner = session?.accountKey;
      return (owner ?? NO_KEY).equals(accountKey ?? NO_KEY) ? session : undefined;
    });
  }

  readAccountEnding(accountKey: RecordKey): Promise<number | undefined> {
    return this.#index.readEnding(accountKey);
  }

  async apply(unit: Unit): Promise<CommitOutcome> {
    return opening(() => new RedisUnit(this.#context, unit).apply());
  }

  async endAccount(accountKey: RecordKey, { consent }: { consent: boolean }): Promise<void> {
    await this.#index.markEnding(accountKey);
    const entries = await this.#index.entries({ accountKey });
    await this.#end(entries, consent ? 'consent' : 'tokens');
  }

  async endGrants(filter: GrantFilter): Promise<number> {
    if (filter.accountKey === undefined && filter.clientKey === undefined) return 0;
    let count = 0;
    // A copy that was announced meanwhile is found the next time; whoever announces one later finds its source ended.
    for (let pass = 0; pass < MOST_PASSES; pass += 1) {
      const entries = await this.#index.entries(filter);
      const ended = await this.#end(
        entries.filter(({ kind }) => kind === 'grant'),
        'consent',
      );
      if (ended === 0) break;
      count += ended;
    }
    return count;
  }

  async listGrants(filter: GrantFilter): Promise<{ payload: string; createdAt: number }[]> {
    const entries = (await this.#index.entries(filter)).filter(({ kind }) => kind === 'grant');
    const found = await inTurns(entries, async ({ key }) => opening(() => this.#openGrant(key, undefined)));
    return found
      .flatMap((grant) =>
        grant === undefined ? [] : [{ payload: grant.payload, createdAt: grant.createdAt }],
      )
      .sort((one, other) => one.createdAt - other.createdAt);
  }

  async listSessions(filter: { accountKey?: RecordKey }): Promise<{ payload: string }[]> {
    const entries = (await this.#index.entries(filter)).filter(({ kind }) => kind === 'session');
    const found = await inTurns(entries, ({ key }) => this.#readSession(key));
    return found.flatMap((session) => {
      const owner = session?.accountKey;
      if (session === undefined || owner === undefined) return [];
      return filter.accountKey === undefined || owner.equals(filter.accountKey) ? [session] : [];
    });
  }

  /** Redis removes what has expired by itself, and indexes are trimmed by what is written. */
  async sweep(): Promise<boolean> {
    return false;
  }

  async check(): Promise<void> {
    await this.#connection.check();
  }

  /** The connection is its opener's to close. */
  close(): Promise<void> {
    return this.#withdrawals.close();
  }

  #end(entries: IndexEntry[], grants: Ending): Promise<number> {
    return this.#index.end(
      entries.map(({ kind, key }) => ({ key, ending: kind === 'session' ? 'session' : grants })),
    );
  }

  async #openGrant(
    key: RecordKey,
    read: Buffer | undefined,
  ): Promise<(StoredGrant & IndexedDocument & { createdAt: number }) | undefined> {
    const value = read ?? (await this.#calls.get(this.#names.grant(key)));
    if (value === undefined) return undefined;
    const { ended, sealed, ...grant } = decodeGrant(value);
    return ended ? undefined : { ...grant, payload: openDocument(this.#sealer, 'grant', key, sealed) };
  }

  #readSession(uidKey: RecordKey): Promise<IndexedDocument | undefined> {
    return opening(async () => {
      const value = await this.#calls.get(this.#names.session(uidKey));
      return value === undefined ? undefined : this.#openSession(uidKey, value);
    });
  }

  #openSession(uidKey: RecordKey, value: Buffer): IndexedDocument | undefined {
    const { ended, sealed, ...session } = decodeSession(value);
    return ended ? undefined : { ...session, payload: openDocument(this.#sealer, 'session', uidKey, sealed) };
  }
}

function createdAt(entry: IndexEntry): number {
  return entry.kind === 'grant' ? entry.createdAt : 0;
}

/** What cannot be opened (its key is not configured, it was changed) is not answered as if it was not there. */
async function opening<Value>(open: () => Promise<Value>): Promise<Value> {
  try {
    return await open();
  } catch (cause) {
    if (!(cause instanceof SealError)) throw cause;
    throw new StorageUnavailable('what Redis holds cannot be opened', { cause });
  }
}
