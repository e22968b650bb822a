import type { Database } from '../database/database.ts';
import { DatabaseUnavailable } from '../database/database-unavailable.ts';
import type { PreparedQuery } from '../database/prepared-query.ts';
import type { Log } from '../observability/log.ts';
import { type Account, type AccountAdapter, AccountsUnavailable } from './account-adapter.ts';

/** Subjects remembered as nobody's `client_id`; past it the memory starts anew. */
const LARGEST = 10_000;

/** Tells which subjects are the `client_id` of an application, as far as the revisions of applications tell. */
class ClientNames {
  readonly #database: Database;
  readonly #registered: PreparedQuery<{ sub: string }, unknown>;
  readonly #fetched: PreparedQuery<{ sub: string }, unknown>;
  readonly #free = new Set<string>();
  readonly #told = new Set<string>();
  #revision = '';

  constructor(database: Database) {
    this.#database = database;
    this.#registered = database.prepare((query, { sub }) =>
      query.selectFrom('clients').select('client_id').where('client_id', '=', sub),
    );
    this.#fetched = database.prepare((query, { sub }) =>
      query
        .selectFrom('client_documents')
        .select('client_id')
        .where('client_id', '=', sub)
        // Anybody can have an address remembered at which there is nothing.
        .where('metadata', 'is not', null),
    );
  }

  async has(sub: string): Promise<boolean> {
    const { revisions } = this.#database;
    const revision = `${revisions.current('clients')} ${revisions.current('client_documents')}`;
    if (revision !== this.#revision || this.#free.size >= LARGEST) {
      this.#free.clear();
      this.#told.clear();
      this.#revision = revision;
    }
    if (this.#free.has(sub)) return false;
    const isTaken = (await this.#registered({ sub })).length + (await this.#fetched({ sub })).length > 0;
    if (!isTaken && revision === this.#revision) this.#free.add(sub);
    return isTaken;
  }

  /** Whether nobody has been told of this one since something changed. */
  isNews(sub: string): boolean {
    const isNews = !this.#told.has(sub) && this.#told.size < LARGEST;
    if (isNews) this.#told.add(sub);
    return isNews;
  }
}

/**
 * The same people without those whose `sub` is the `client_id` of an application: an API would take what that application gets for itself
 * for that person's, and the other way round (RFC 9700 §4.15). A user base of elsewhere knows no applications, so it
 * cannot keep them apart itself. Whoever is left out is unknown here, which the log tells.
 */
export function apartFromClients(
  adapter: AccountAdapter,
  { database, log }: { database: Database; log: Pick<Log, 'warn'> },
): AccountAdapter {
  const names = new ClientNames(database);

  async function isClient({ sub }: Account): Promise<boolean> {
    const isTaken = await names.has(sub);
    if (isTaken && names.isNews(sub))
      log.warn(
        { clientId: sub },
        'a person of the user base has the client_id of an application as sub, and is unknown here',
      );
    return isTaken;
  }

  async function unlessClient(account: Account | undefined): Promise<Account | undefined> {
    try {
      return account === undefined || (await isClient(account)) ? undefined : account;
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      throw new AccountsUnavailable(error.message, { cause: error });
    }
  }

  return {
    findBySub: async (sub) => unlessClient(await adapter.findBySub(sub)),
    findByLogin: async (login) => unlessClient(await adapter.findByLogin(login)),
    async verifyPassword(login, password) {
      const verification = await adapter.verifyPassword(login, password);
      if (verification.outcome !== 'verified') return verification;
      try {
        return (await isClient(verification.account))
          ? { outcome: 'refused', reason: 'unknown' }
          : verification;
      } catch (error) {
        if (error instanceof DatabaseUnavailable) return { outcome: 'unavailable', cause: error };
        throw error;
      }
    },
    claimsFor: (account, scopes) => adapter.claimsFor(account, scopes),
    close: async () => adapter.close?.(),
  };
}
