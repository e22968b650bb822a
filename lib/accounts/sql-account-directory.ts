import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import { isStorable } from '../database/prepared-query.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import { PERSON_TABLES } from '../database/tables/person-tables.ts';
import type { Events } from '../observability/events.ts';
import type {
  AccountChange,
  AccountDirectory,
  AccountRecord,
  AccountRefusal,
  AccountUpdate,
  ChangeCondition,
  CreationCondition,
  NewAccount,
} from './account-directory.ts';
import { type AccountRow, recordFromRow } from './account-row.ts';
import { canonicalLogin, loginAfterMove } from './canonical-login.ts';
import { validateClaims } from './claims.ts';
import { mergeClaims } from './merge-claims.ts';
import type { PasswordHasher, PasswordRules } from './password-hashing.ts';

/** 160 random bits: neither guessed nor ever drawn twice. */
const SUB_BYTES = 20;
const DEFAULT_PAGE = 50;
const MAXIMUM_PAGE = 200;

type Queries = Kysely<DatabaseSchema>;
type Row = AccountRow & { hash: string | null };

function refusal(reason: AccountRefusal['reason'], description: string, claim?: string): AccountRefusal {
  return { outcome: 'refused', reason, description, ...(claim === undefined ? {} : { claim }) };
}

const loginTaken = (login: string) => refusal('login_taken', `another account has this login: ${login}`);
const CONDITION_FAILED = refusal('condition_failed', 'what the change depended on is no longer so');
const BUSY = refusal('busy', 'too many passwords are being hashed now: try again in a moment');

function emailOf(claims: Record<string, unknown>): { email?: string } {
  return typeof claims.email === 'string' ? { email: claims.email } : {};
}

function selectRows(queries: Queries) {
  return queries
    .selectFrom('accounts')
    .leftJoin('passwords', 'passwords.sub', 'accounts.sub')
    .selectAll('accounts')
    .select('passwords.hash');
}

async function rowOf(queries: Queries, sub: string): Promise<Row | undefined> {
  if (!isStorable(sub)) return undefined;
  return selectRows(queries).where('accounts.sub', '=', sub).executeTakeFirst();
}

async function isTaken(queries: Queries, login: string): Promise<boolean> {
  const owner = await queries
    .selectFrom('accounts')
    .select('sub')
    .where('login', '=', login)
    .executeTakeFirst();
  return owner !== undefined;
}

/** People in Latchkey's own database, as an operator manages them. */
export class SqlAccountDirectory implements AccountDirectory {
  readonly #database: Database;
  readonly #hasher: PasswordHasher;
  readonly #rules: PasswordRules;
  readonly #events: Events;

  constructor(options: { database: Database; hasher: PasswordHasher; rules: PasswordRules; events: Events }) {
    this.#database = options.database;
    this.#hasher = options.hasher;
    this.#rules = options.rules;
    this.#events = options.events;
  }

  async create(
    account: NewAccount,
    condition?: CreationCondition,
  ): Promise<{ outcome: 'created'; account: AccountRecord } | AccountRefusal> {
    const validation = validateClaims(mergeClaims({}, account.claims ?? {}));
    if (validation.outcome === 'invalid') {
      return refusal('invalid_claims', validation.description, validation.claim);
    }
    const { claims } = validation;
    const login = canonicalLogin(account.login ?? emailOf(claims).email ?? '');
    if (login.outcome === 'refused') return refusal('invalid_login', login.description);
    let hash: string | undefined;
    if (account.password !== undefined) {
      const hashed = await this.#hash(account.password, { login: login.login, ...emailOf(claims) });
      if (hashed.outcome === 'refused') return hashed;
      hash = hashed.hash;
    }
    return this.#database.transaction(async (transaction, now) => {
      const sub = await this.#freshSub(transaction);
      if (condition !== undefined && !(await condition(transaction, now, sub))) return CONDITION_FAILED;
      const inserted = await transaction
        .insertInto('accounts')
        .values({
          sub,
          login: login.login,
          disabled: account.disabled === true ? 1 : 0,
          claims: JSON.stringify(claims),
          created_at: now,
          updated_at: now,
        })
        .onConflict((conflict) => conflict.column('login').doNothing())
        .returning('sub')
        .executeTakeFirst();
      if (inserted === undefined) return loginTaken(login.login);
      if (hash !== undefined) {
        await transaction.insertInto('passwords').values({ sub, hash, changed_at: now }).execute();
      }
      await this.#database.revisions.move(transaction, 'accounts');
      const record = recordFromRow((await rowOf(transaction, sub)) as Row);
      return { outcome: 'created', account: record } as const;
    });
  }

  async list(
    page: { limit?: number; after?: string } = {},
  ): Promise<{ accounts: AccountRecord[]; next?: string }> {
    const limit = Math.min(Math.max(1, Math.trunc(page.limit ?? DEFAULT_PAGE)), MAXIMUM_PAGE);
    let query = selectRows(this.#database.query)
      .orderBy('accounts.login')
      .limit(limit + 1);
    if (page.after !== undefined) query = query.where('accounts.login', '>', page.after);
    const rows = await query.execute();
    const accounts = rows.slice(0, limit).map(recordFromRow);
    const last = accounts.at(-1);
    return rows.length > limit && last !== undefined ? { accounts, next: last.login } : { accounts };
  }

  async show(subOrLogin: string): Promise<AccountRecord | undefined> {
    let row = await rowOf(this.#database.query, subOrLogin);
    if (row === undefined) {
      const login = canonicalLogin(subOrLogin);
      if (login.outcome === 'refused') return undefined;
      row = await selectRows(this.#database.query)
        .where('accounts.login', '=', login.login)
        .executeTakeFirst();
    }
    return row === undefined ? undefined : recordFromRow(row);
  }

  async update(sub: string, change: AccountChange): Promise<AccountUpdate> {
    const login = change.login === undefined ? undefined : canonicalLogin(change.login);
    if (login?.outcome === 'refused') return refusal('invalid_login', login.description);
    return this.#change(sub, async (row, transaction) => {
      const present = JSON.parse(row.claims) as Record<string, unknown>;
      const merged = mergeClaims(present, change.claims ?? {});
      const validation = validateClaims(merged);
      if (validation.outcome === 'invalid') {
        return refusal('invalid_claims', validation.description, validation.claim);
      }
      if (login !== undefined && login.login !== row.login) {
        if (await isTaken(transaction, login.login)) return loginTaken(login.login);
      }
      // What was sent to the former address must be no way in for whoever reads that mailbox.
      if (merged.email !== present.email)
        await transaction.deleteFrom('mail_links').where('account', '=', sub).execute();
      return { login: login?.login ?? row.login, claims: JSON.stringify(validation.claims) };
    });
  }

  async disable(sub: string): Promise<AccountUpdate> {
    const update = await this.#change(sub, async () => ({ disabled: 1 }));
    if (update.outcome === 'updated') {
      this.#events.emit('account.ended', { accountId: sub, reason: 'disabled' });
    }
    return update;
  }

  async enable(sub: string): Promise<AccountUpdate> {
    return this.#change(sub, async () => ({ disabled: 0 }));
  }

  async delete(
    sub: string,
    condition?: ChangeCondition,
  ): Promise<{ outcome: 'deleted' } | { outcome: 'not_found' | 'condition_failed' }> {
    const outcome = await this.#database.transaction(async (transaction, now) => {
      if (condition !== undefined && !(await condition(transaction, now))) return 'condition_failed';
      for (const table of PERSON_TABLES) {
        await transaction.deleteFrom(table).where('sub', '=', sub).execute();
      }
      await transaction.deleteFrom('mail_links').where('account', '=', sub).execute();
      const row = await transaction
        .deleteFrom('accounts')
        .where('sub', '=', sub)
        .returning('sub')
        .executeTakeFirst();
      if (row === undefined) return 'not_found';
      await this.#database.revisions.move(transaction, 'accounts');
      return 'deleted';
    });
    if (outcome === 'deleted') this.#events.emit('account.ended', { accountId: sub, reason: 'deleted' });
    return { outcome };
  }

  async setPassword(sub: string, password: string, condition?: ChangeCondition): Promise<AccountUpdate> {
    const row = await rowOf(this.#database.query, sub);
    if (row === undefined) return { outcome: 'not_found' };
    const person = { login: row.login, ...emailOf(JSON.parse(row.claims) as Record<string, unknown>) };
    const hashed = await this.#hash(password, person);
    if (hashed.outcome === 'refused') return hashed;
    return this.#change(sub, async (_row, transaction, now) => {
      if (condition !== undefined && !(await condition(transaction, now))) return CONDITION_FAILED;
      await transaction
        .insertInto('passwords')
        .values({ sub, hash: hashed.hash, changed_at: now })
        .onConflict((conflict) => conflict.column('sub').doUpdateSet({ hash: hashed.hash, changed_at: now }))
        .execute();
      return {};
    });
  }

  async verifyEmail(sub: string, email: string, condition?: ChangeCondition): Promise<AccountUpdate> {
    return this.#change(sub, async (row, transaction, now) => {
      const claims = JSON.parse(row.claims) as Record<string, unknown>;
      if (claims.email !== email) return CONDITION_FAILED;
      if (condition !== undefined && !(await condition(transaction, now))) return CONDITION_FAILED;
      return { claims: JSON.stringify({ ...claims, email_verified: true }) };
    });
  }

  async changeEmail(
    sub: string,
    { from, to }: { from: string | undefined; to: string },
    condition?: ChangeCondition,
  ): Promise<AccountUpdate> {
    return this.#change(sub, async (row, transaction, now) => {
      const claims = JSON.parse(row.claims) as Record<string, unknown>;
      if (claims.email !== from) return CONDITION_FAILED;
      const validation = validateClaims({ ...claims, email: to, email_verified: true });
      if (validation.outcome === 'invalid') {
        return refusal('invalid_claims', validation.description, validation.claim);
      }
      const login = loginAfterMove(row.login, { from, to });
      if (login === undefined) return refusal('invalid_login', 'the address cannot be a login');
      if (login !== row.login && (await isTaken(transaction, login))) return loginTaken(login);
      if (condition !== undefined && !(await condition(transaction, now))) return CONDITION_FAILED;
      return { login, claims: JSON.stringify(validation.claims) };
    });
  }

  /** Reads, judges and writes in one transaction, so that two changes at once never undo each other. */
  async #change(
    sub: string,
    judge: (
      row: Row,
      transaction: Queries,
      now: number,
    ) => Promise<AccountRefusal | { login?: string; claims?: string; disabled?: number }>,
  ): Promise<AccountUpdate> {
    return this.#database.transaction(async (transaction, now): Promise<AccountUpdate> => {
      const row = await rowOf(transaction, sub);
      if (row === undefined) return { outcome: 'not_found' };
      const judged = await judge(row, transaction, now);
      if ('outcome' in judged) return judged;
      await transaction
        .updateTable('accounts')
        .set({ ...judged, updated_at: now })
        .where('sub', '=', sub)
        .execute();
      await this.#database.revisions.move(transaction, 'accounts');
      return { outcome: 'updated', account: recordFromRow((await rowOf(transaction, sub)) as Row) };
    });
  }

  /** Clients and people share the subject of a token (RFC 9068 §5): a sub must never be some client's identifier. */
  async #freshSub(transaction: Queries): Promise<string> {
    for (;;) {
      const sub = randomBytes(SUB_BYTES).toString('base64url');
      // On a command line it would be taken for an option.
      if (sub.startsWith('-')) continue;
      const client = await transaction
        .selectFrom('clients')
        .select('client_id')
        .where('client_id', '=', sub)
        .executeTakeFirst();
      if (client === undefined) return sub;
    }
  }

  async #hash(
    password: string,
    person: { login: string; email?: string },
  ): Promise<{ outcome: 'hashed'; hash: string } | AccountRefusal> {
    const judged = await this.#rules.judge(password, person);
    if (judged.outcome === 'refused') {
      return { ...refusal('unacceptable_password', judged.description), rule: judged.reason };
    }
    const hashed = await this.#hasher.hash(password);
    return hashed.outcome === 'busy' ? BUSY : hashed;
  }
}
