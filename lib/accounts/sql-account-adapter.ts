import type { Database } from '../database/database.ts';
import { DatabaseUnavailable } from '../database/database-unavailable.ts';
import type { PreparedQuery } from '../database/prepared-query.ts';
import {
  type Account,
  type AccountAdapter,
  AccountsUnavailable,
  type PasswordVerification,
} from './account-adapter.ts';
import { AccountCache } from './account-cache.ts';
import type { AccountDirectory } from './account-directory.ts';
import { type AccountRow, accountFromRow } from './account-row.ts';
import { canonicalLogin } from './canonical-login.ts';
import { claimsByScope } from './claims-by-scope.ts';
import type { PasswordHasher } from './password-hashing.ts';

type RowWithHash = AccountRow & { hash: string | null };

/** People in Latchkey's own database. */
export class SqlAccountAdapter implements AccountAdapter {
  readonly directory: AccountDirectory;
  readonly #database: Database;
  readonly #hasher: PasswordHasher;
  readonly #cache: AccountCache;
  readonly #bySub: PreparedQuery<{ sub: string }, AccountRow>;
  readonly #withHashBySub: PreparedQuery<{ sub: string }, RowWithHash>;
  readonly #withHashByLogin: PreparedQuery<{ login: string }, RowWithHash>;

  constructor(options: { database: Database; hasher: PasswordHasher; directory: AccountDirectory }) {
    this.#database = options.database;
    this.#hasher = options.hasher;
    this.directory = options.directory;
    this.#cache = new AccountCache(options.database.revisions);
    this.#bySub = options.database.prepare((query, { sub }) =>
      query.selectFrom('accounts').selectAll().where('sub', '=', sub),
    );
    this.#withHashBySub = options.database.prepare((query, { sub }) =>
      withHash(query).where('accounts.sub', '=', sub),
    );
    this.#withHashByLogin = options.database.prepare((query, { login }) =>
      withHash(query).where('accounts.login', '=', login),
    );
  }

  async findBySub(sub: string): Promise<Account | undefined> {
    try {
      return await this.#cache.find(sub, async () => {
        const [row] = await this.#bySub({ sub });
        return row === undefined ? undefined : accountFromRow(row);
      });
    } catch (error) {
      throw asAccountsUnavailable(error);
    }
  }

  async findByLogin(login: string): Promise<Account | undefined> {
    const canonical = canonicalLogin(login);
    if (canonical.outcome === 'refused') return undefined;
    try {
      const [row] = await this.#withHashByLogin({ login: canonical.login });
      return row === undefined ? undefined : accountFromRow(row);
    } catch (error) {
      throw asAccountsUnavailable(error);
    }
  }

  async verifyPassword(login: string, password: string): Promise<PasswordVerification> {
    try {
      return await this.#verifyPassword(login, password);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) return { outcome: 'unavailable', cause: error };
      throw error;
    }
  }

  async #verifyPassword(login: string, password: string): Promise<PasswordVerification> {
    const canonical = canonicalLogin(login);
    const [row] =
      canonical.outcome === 'refused' ? [] : await this.#withHashByLogin({ login: canonical.login });
    const verdict = await this.#hasher.verify(row?.hash ?? undefined, password);
    if (verdict === 'busy') return { outcome: 'unavailable' };
    if (row === undefined) return { outcome: 'refused', reason: 'unknown' };
    if (verdict === 'mismatch' || row.hash === null) return { outcome: 'refused', reason: 'wrong_password' };
    // Hashing took milliseconds: whoever was disabled, deleted or given another password meanwhile stays out.
    const [now] = await this.#withHashBySub({ sub: row.sub });
    if (now === undefined) return { outcome: 'refused', reason: 'unknown' };
    if (now.hash !== row.hash) return { outcome: 'refused', reason: 'wrong_password' };
    if (now.disabled !== 0) return { outcome: 'refused', reason: 'disabled' };
    if (this.#hasher.needsRehash(row.hash)) await this.#rehash(row.sub, row.hash, password);
    return { outcome: 'verified', account: accountFromRow(now) };
  }

  async claimsFor(account: Account, scopes: ReadonlySet<string>): Promise<Record<string, unknown>> {
    return claimsByScope(account, scopes);
  }

  /** One conditional write: a password that was changed meanwhile is not put back. Too busy: at the next sign-in. */
  async #rehash(sub: string, oldHash: string, password: string): Promise<void> {
    const hashed = await this.#hasher.hash(password);
    if (hashed.outcome === 'busy') return;
    await this.#database.query
      .updateTable('passwords')
      .set({ hash: hashed.hash })
      .where('sub', '=', sub)
      .where('hash', '=', oldHash)
      .execute();
  }
}

const withHash = (query: Database['query']) =>
  query
    .selectFrom('accounts')
    .leftJoin('passwords', 'passwords.sub', 'accounts.sub')
    .selectAll('accounts')
    .select('passwords.hash');

function asAccountsUnavailable(error: unknown): unknown {
  return error instanceof DatabaseUnavailable
    ? new AccountsUnavailable(error.message, { cause: error })
    : error;
}
