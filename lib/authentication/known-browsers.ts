import type { Account } from '../accounts/account-adapter.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import type { Database, DirectoryTransaction } from '../database/database.ts';
import type { PreparedQuery } from '../database/prepared-query.ts';
import type { KnownBrowsersTable } from '../database/tables/known-browsers.ts';
import { digestOf, type MakeRoom, newToken, roomMaker, tokensIn, withToken } from './browser-tokens.ts';
import { counterDigest } from './throttling/counter-digest.ts';

const DAY_MILLISECONDS = 86_400_000;
/** How many browsers of one person are known; the oldest gives way to one too many. */
const PER_PERSON = 20;

interface KnownBrowser {
  digest: string;
  sub: string;
  login: string;
  createdAt: number;
}

/**
 * Browsers that a person has signed in with, all the way: whoever tries a password there is not made to wait for what others do
 * elsewhere (OWASP's device cookies). A browser holds a random token for each such person, the directory a digest of it.
 * It proves nothing and opens nothing; it is worth a few wrong passwords of one person. A new password makes all of them unknown.
 * docs/decisions/0034-known-browsers.md.
 */
export class KnownBrowsers {
  readonly #database: Database;
  readonly #digest: (...parts: string[]) => string;
  readonly #makeRoom: MakeRoom;
  readonly #insert: PreparedQuery<KnownBrowsersTable, unknown>;
  /** How long (s) a browser is known; 0: never. */
  readonly seconds: number;

  constructor(options: { database: Database; seconds: number }) {
    this.#database = options.database;
    this.#digest = counterDigest(options.database, 'latchkey/known-browsers');
    this.seconds = options.seconds;
    this.#makeRoom = roomMaker(options.database, {
      table: 'known_browsers',
      recency: 'created_at',
      atMost: PER_PERSON,
    });
    this.#insert = options.database.prepare((query, { digest, sub, login, created_at, expires_at }) =>
      query.insertInto('known_browsers').values({ digest, sub, login, created_at, expires_at }),
    );
  }

  /**
   * To be called when a person has signed in. Answers what the browser's cookie is to hold from now on; undefined: what it
   * holds. A token is replaced once a day, which ends whatever copies there are of it.
   */
  async know(
    { sub, login: name }: Pick<Account, 'sub' | 'login'>,
    held: string | undefined,
  ): Promise<string | undefined> {
    if (this.seconds === 0) return undefined;
    const login = this.#digestOf(name);
    const tokens = tokensIn(held);
    const living = await this.#living(tokens);
    const dayAgo = this.#database.now() - DAY_MILLISECONDS;
    const isKnown = living.some((row) => row.sub === sub && row.login === login && row.createdAt > dayAgo);
    if (isKnown) return undefined;
    const token = newToken();
    const remember = async (transaction: DirectoryTransaction, at: number): Promise<void> => {
      await this.#makeRoom(transaction, at, { sub, held: tokens });
      const row = {
        digest: digestOf(token),
        sub,
        login,
        created_at: at,
        expires_at: at + this.seconds * 1000,
      };
      await this.#insert(row, transaction);
    };
    // A browser that power loss forgets is like any other; a token that this one takes the place of must not come back.
    await this.#database.transaction(remember, { isDurable: tokens.length > 0 });
    const ofOthers = living.filter((row) => row.sub !== sub).map(({ digest }) => digest);
    return withToken(
      token,
      tokens.filter((each) => ofOthers.includes(digestOf(each))),
    );
  }

  /**
   * By what the browser that holds this is known for whoever has this login, whose password has not changed since; undefined when it is
   * not. No account is looked up: this comes before any throttle.
   */
  async find(name: string, held: string | undefined): Promise<string | undefined> {
    const living = await this.#living(tokensIn(held));
    if (living.length === 0) return undefined;
    const login = this.#digestOf(name);
    return living.find((row) => row.login === login)?.digest;
  }

  /** Makes a person's browsers unknown; all but the one that holds this, when `except` is given. */
  async forget(sub: string, except?: string): Promise<void> {
    const kept = tokensIn(except).map(digestOf);
    await this.#database.transaction(async (transaction) => {
      const theirs = transaction.deleteFrom('known_browsers').where('sub', '=', sub);
      await (kept.length === 0 ? theirs : theirs.where('digest', 'not in', kept)).execute();
    });
  }

  /** Makes one browser unknown, by what `find` answered. */
  async forgetOne(digest: string): Promise<void> {
    await this.#database.transaction((transaction) =>
      transaction.deleteFrom('known_browsers').where('digest', '=', digest).execute(),
    );
  }

  #digestOf(name: string): string {
    const canonical = canonicalLogin(name);
    return this.#digest(canonical.outcome === 'canonical' ? canonical.login : `\0${name}`);
  }

  async #living(tokens: readonly string[]): Promise<KnownBrowser[]> {
    if (tokens.length === 0 || this.seconds === 0) return [];
    const now = this.#database.now();
    const rows = await this.#database.query
      .selectFrom('known_browsers')
      .leftJoin('passwords', 'passwords.sub', 'known_browsers.sub')
      .select([
        'known_browsers.digest',
        'known_browsers.sub',
        'known_browsers.login',
        'known_browsers.created_at',
        'passwords.changed_at',
      ])
      .where('digest', 'in', tokens.map(digestOf))
      .where('expires_at', '>', now)
      // A shorter time that was configured since then holds for all.
      .where('created_at', '>', now - this.seconds * 1000)
      .execute();
    return rows
      .map((row) => ({ ...row, createdAt: Number(row.created_at), changedAt: Number(row.changed_at ?? 0) }))
      .filter(({ createdAt, changedAt }) => changedAt <= createdAt)
      .map(({ digest, sub, login, createdAt }) => ({ digest, sub, login, createdAt }));
  }
}
