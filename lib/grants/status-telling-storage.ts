import type { MaybePromise } from '../database/prepared-query.ts';
import { recordKey } from './record-key.ts';
import type {
  CommitOutcome,
  GrantFilter,
  GrantStorage,
  RecordKey,
  StoredDocument,
  StoredGrant,
  StoredRecord,
  Unit,
} from './storage.ts';
import { placesNamedBy, type TokenStatuses } from './token-statuses.ts';

/**
 * A backend that publishes the JWT access tokens of a grant as revoked whenever the grant's tokens end, whoever ends them
 * and why. Published is before and after the end: what is answered as revoked is published, and so is what somebody was
 * still issuing when it ended (afterwards nothing is issued in that generation).
 */
export class StatusTellingStorage implements GrantStorage {
  readonly #storage: GrantStorage;
  readonly #statuses: TokenStatuses;

  constructor(storage: GrantStorage, statuses: TokenStatuses) {
    this.#storage = storage;
    this.#statuses = statuses;
  }

  async apply(unit: Unit): Promise<CommitOutcome> {
    const ending = unit.revocations.map(({ grantKey }) => grantKey);
    await this.#publish(ending);
    const outcome = await this.#storage.apply(unit);
    const reused = outcome.outcome === 'refused' && outcome.reason === 'reused';
    const families = reused ? unit.consumptions.flatMap(({ grantKey }) => grantKey ?? []) : [];
    await this.#publish([...ending, ...families]);
    return outcome;
  }

  async endAccount(accountKey: RecordKey, options: { consent: boolean }): Promise<void> {
    // A consent that has ended cannot be asked any more what was issued under it: its tokens end first.
    await this.#storage.endAccount(accountKey, { consent: false });
    await this.#publish(await this.#grantsOf({ accountKey }));
    if (options.consent) await this.#storage.endAccount(accountKey, options);
  }

  async endGrants(filter: GrantFilter): Promise<number> {
    const ending = await this.#grantsOf(filter);
    if (ending.length > 0) await this.apply(revocationOf(ending));
    return this.#storage.endGrants(filter);
  }

  readRecord(model: string, key: RecordKey): MaybePromise<StoredRecord | undefined> {
    return this.#storage.readRecord(model, key);
  }

  readRecordByUserCode(model: string, userCodeKey: RecordKey): Promise<StoredRecord | undefined> {
    return this.#storage.readRecordByUserCode(model, userCodeKey);
  }

  readGrant(key: RecordKey): MaybePromise<StoredGrant | undefined> {
    return this.#storage.readGrant(key);
  }

  readLatestGrant(accountKey: RecordKey, clientKey: RecordKey): Promise<StoredGrant | undefined> {
    return this.#storage.readLatestGrant(accountKey, clientKey);
  }

  readSession(by: 'id' | 'uid', key: RecordKey): MaybePromise<StoredDocument | undefined> {
    return this.#storage.readSession(by, key);
  }

  readAccountEnding(accountKey: RecordKey): Promise<number | undefined> {
    return this.#storage.readAccountEnding(accountKey);
  }

  listGrants(filter: GrantFilter): Promise<{ payload: string; createdAt: number }[]> {
    return this.#storage.listGrants(filter);
  }

  listSessions(filter: { accountKey?: RecordKey }): Promise<{ payload: string }[]> {
    return this.#storage.listSessions(filter);
  }

  sweep(limit: number): Promise<boolean> {
    return this.#storage.sweep(limit);
  }

  check(): Promise<void> {
    return this.#storage.check();
  }

  close(): Promise<void> {
    return this.#storage.close();
  }

  async #grantsOf(filter: GrantFilter): Promise<RecordKey[]> {
    const listed = await this.#storage.listGrants(filter);
    return listed.map(({ payload }) => recordKey('Grant', (JSON.parse(payload) as { jti: string }).jti));
  }

  async #publish(grantKeys: ReadonlyArray<RecordKey>): Promise<void> {
    if (grantKeys.length === 0) return;
    const grants = await Promise.all(grantKeys.map(async (key) => this.#storage.readGrant(key)));
    const named = grants.flatMap((grant) =>
      grant === undefined ? [] : placesNamedBy(JSON.parse(grant.payload)),
    );
    await this.#statuses.revoke(named);
  }
}

/** A unit that ends the tokens of these grants and leaves the consent. */
function revocationOf(grantKeys: ReadonlyArray<RecordKey>): Unit {
  return {
    startedAt: Date.now(),
    beganAt: performance.now(),
    onConflict: 'refuse',
    ...{
      records: [],
      consumptions: [],
      removals: [],
      grants: [],
      readGrants: [],
      sessions: [],
      endedSessions: [],
    },
    revocations: grantKeys.map((grantKey) => ({ grantKey, consent: false })),
  };
}
