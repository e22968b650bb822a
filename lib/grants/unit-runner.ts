import { AsyncLocalStorage } from 'node:async_hooks';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { RequestNote } from '../observability/request-note.ts';
import type { CommitOutcome, GrantStorage, RefusalReason } from './storage.ts';
import { type CommitScope, UnitOfWork } from './unit-of-work.ts';

/** A write outside any request was not kept. Inside a request a refusal is a value, see `Grants.commit`. */
class WriteRefused extends Error {
  override name = 'WriteRefused';
  readonly reason: RefusalReason;

  constructor(reason: RefusalReason) {
    super(`nothing was kept: ${reason}`);
    this.reason = reason;
  }
}

/** Gives each request its unit of work, and whatever happens outside of requests one for each call. */
export class UnitRunner {
  readonly #storage: GrantStorage;
  readonly #requests = new AsyncLocalStorage<UnitOfWork>();
  readonly #onReuse: (clientId: string | undefined) => void;

  constructor(storage: GrantStorage, onReuse: (clientId: string | undefined) => void) {
    this.#storage = storage;
    this.#onReuse = onReuse;
  }

  /** The unit of the request that this is called in; none once that is committed. */
  get current(): UnitOfWork | undefined {
    const unit = this.#requests.getStore();
    return unit?.isFinished === true ? undefined : unit;
  }

  /** The request that this is called in. */
  get request(): RequestNote | undefined {
    return this.#requests.getStore()?.request;
  }

  inUnitOfWork<Value>(work: () => Promise<Value>, request?: RequestNote): Promise<Value> {
    return this.#requests.run(new UnitOfWork(request), work);
  }

  /** Runs one call in the request's unit, else in one of its own that ends with it. Throws WriteRefused, StorageUnavailable. */
  call<Value>(work: (unit: UnitOfWork) => Promise<Value>): Promise<Value>;
  call<Value>(work: (unit: UnitOfWork) => MaybePromise<Value>): MaybePromise<Value>;
  call<Value>(work: (unit: UnitOfWork) => MaybePromise<Value>): MaybePromise<Value> {
    const { current } = this;
    return current === undefined ? this.#callAlone(work) : work(current);
  }

  async #callAlone<Value>(work: (unit: UnitOfWork) => MaybePromise<Value>): Promise<Value> {
    const unit = new UnitOfWork();
    const value = await work(unit);
    const outcome = await this.#apply(unit, 'everything');
    if (outcome.outcome === 'refused') throw new WriteRefused(outcome.reason);
    return value;
  }

  /** Ends the request's unit. */
  async commit(scope: CommitScope): Promise<CommitOutcome> {
    const unit = this.current;
    if (unit === undefined) throw new Error('there is no unit of work to commit');
    return this.#apply(unit, scope);
  }

  async #apply(unit: UnitOfWork, scope: CommitScope): Promise<CommitOutcome> {
    const writes = unit.finish(scope);
    if (writes === undefined) return { outcome: 'committed' };
    const outcome = await this.#storage.apply(writes);
    if (outcome.outcome === 'refused' && outcome.reason === 'reused') this.#onReuse(undefined);
    for (const clientId of outcome.outcome === 'committed' ? unit.endedForReuse() : [])
      this.#onReuse(clientId);
    return outcome;
  }
}
