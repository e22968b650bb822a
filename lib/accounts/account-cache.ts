import type { Revisions } from '../database/revisions.ts';
import type { Account } from './account.ts';

/** People remembered in one process; at about 1 KiB each this stays below 10 MiB. */
const MAXIMUM_ENTRIES = 8192;

/**
 * People as last read, forgotten as soon as any process changes one: the hot path (userinfo, refresh,
 * introspection) costs a look at the revision, a few µs at most.
 */
export class AccountCache {
  readonly #revisions: Revisions;
  readonly #entries = new Map<string, Account>();
  #revision = -1;

  constructor(revisions: Revisions) {
    this.#revisions = revisions;
  }

  /** The person, or what `read` finds. People who do not exist are not remembered. */
  async find(sub: string, read: () => Promise<Account | undefined>): Promise<Account | undefined> {
    const revision = this.#revisions.current('accounts');
    if (revision !== this.#revision) {
      this.#entries.clear();
      this.#revision = revision;
    }
    const known = this.#entries.get(sub);
    if (known !== undefined) return known;
    const account = await read();
    // The record was read after this revision: if the revision moved meanwhile the entry goes with the next look.
    if (account !== undefined && this.#revision === revision) {
      if (this.#entries.size >= MAXIMUM_ENTRIES) this.#evictOldest();
      this.#entries.set(sub, account);
    }
    return account;
  }

  #evictOldest(): void {
    for (const sub of this.#entries.keys()) {
      this.#entries.delete(sub);
      return;
    }
  }
}
