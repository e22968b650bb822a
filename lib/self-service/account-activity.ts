import { randomUUID } from 'node:crypto';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import { addressGroup } from '../authentication/throttling/address-group.ts';
import type { Database } from '../database/database.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';

const DAY_MILLISECONDS = 86_400_000;
/** What is older goes. */
const KEPT_DAYS = 180;
/** The most that is kept of one person: who fills it drives out nothing but their own. */
const KEPT_OF_ONE = 100;
/** An application that nobody used for longer has no grant left either. */
const USES_KEPT_DAYS = 400;
/** What happened within this time is written together, after the answers to the requests that it happened in. */
const GATHER_MILLISECONDS = 500;
/** The most that waits to be written; further entries are lost. */
const WAITING = 2000;
/** The same failure from the same place counts once in this time: guessing must not fill a person's list, nor the disk. */
const SAME_FAILURE_MILLISECONDS = 600_000;
/** How many of those, and of uses of the day, are remembered. */
const REMEMBERED = 4096;
/** Of the number of an entry among those that one process wrote. */
const ORDER_DIGITS = 15;

/** Something that happened to an account. */
export interface ActivityEntry {
  /** Unix time, ms. */
  at: number;
  /** A constant of the code; `activity.<kind>` in the message catalogues. */
  kind: string;
  address: string | undefined;
  userAgent: string | undefined;
  clientId: string | undefined;
}

type Told = { accountId: string; kind: string; address?: string; userAgent?: string; clientId?: string };

/**
 * What happened to people's accounts lately, for themselves to look at. It listens and makes nobody wait: entries are gathered for
 * half a second and written together, so that a process that is killed loses those. An audit trail is another matter.
 */
export class AccountActivity {
  readonly #database: Database;
  readonly #accounts: AccountAdapter;
  readonly #log: Log;
  readonly #failures = new Map<string, number>();
  readonly #usedToday = new Map<string, number>();
  #waiting: { at: number; entry: Told }[] = [];
  #failedLogins: { at: number; login: string; address: string }[] = [];
  #uses: { at: number; accountId: string; clientId: string }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: { database: Database; accounts: AccountAdapter; events: Events; log: Log }) {
    this.#database = options.database;
    this.#accounts = options.accounts;
    this.#log = options.log;
    const { events } = options;
    events.on('account.activity', (entry) => {
      if (this.#waiting.length < WAITING) this.#waiting.push({ at: this.#database.now(), entry });
      this.#writeSoon();
    });
    events.on('application.used', (use) => this.#noteUse(use));
  }

  /** The latest entries of a person, newest first. */
  async list(sub: string, limit = KEPT_OF_ONE): Promise<ActivityEntry[]> {
    const rows = await this.#database.query
      .selectFrom('account_activity')
      .selectAll()
      .where('sub', '=', sub)
      .orderBy('at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(({ at, kind, address, user_agent: userAgent, client_id: clientId }) => ({
      at: Number(at),
      kind,
      address: address ?? undefined,
      userAgent: userAgent ?? undefined,
      clientId: clientId ?? undefined,
    }));
  }

  /** When each application was last given something for this person; Unix time, ms, exact to the day. */
  async applicationUses(sub: string): Promise<ReadonlyMap<string, number>> {
    const rows = await this.#database.query
      .selectFrom('application_uses')
      .select(['client_id', 'used_at'])
      .where('sub', '=', sub)
      .execute();
    return new Map(rows.map(({ client_id: clientId, used_at: usedAt }) => [clientId, Number(usedAt)]));
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#write();
    await this.#writing;
  }

  /** A wrong password was given for this login, however spelled, which may be nobody's; it is looked up later. */
  noteFailedLogin(typed: string, address: string): void {
    const canonical = canonicalLogin(typed);
    if (canonical.outcome === 'refused') return;
    const { login } = canonical;
    const { subscriber } = addressGroup(address);
    const key = `${login}\0${subscriber}`;
    const now = this.#database.now();
    const last = this.#failures.get(key);
    if (last !== undefined && now - last < SAME_FAILURE_MILLISECONDS) return;
    remember(this.#failures, key, now, REMEMBERED);
    if (this.#failedLogins.length < WAITING) this.#failedLogins.push({ at: now, login, address });
    this.#writeSoon();
  }

  /** Of no other entry, and in order: what happened in one millisecond is told as it happened. */
  #nextId(): string {
    this.#written += 1;
    return `${String(this.#written).padStart(ORDER_DIGITS, '0')}-${randomUUID()}`;
  }

  #noteUse({ accountId, clientId }: { accountId: string; clientId: string }): void {
    const key = `${accountId}\0${clientId}`;
    const now = this.#database.now();
    const today = Math.floor(now / DAY_MILLISECONDS);
    if (this.#usedToday.get(key) === today) return;
    remember(this.#usedToday, key, today, REMEMBERED);
    if (this.#uses.length < WAITING) this.#uses.push({ at: now, accountId, clientId });
    this.#writeSoon();
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#write();
    }, GATHER_MILLISECONDS).unref();
  }

  #write(): void {
    const entries = this.#waiting;
    const failedLogins = this.#failedLogins;
    const uses = this.#uses;
    if (entries.length + failedLogins.length + uses.length === 0) return;
    this.#waiting = [];
    this.#failedLogins = [];
    this.#uses = [];
    this.#writing = this.#writing
      .then(async () => {
        for (const { at, login, address } of failedLogins) {
          const account = await this.#accounts.findByLogin(login);
          if (account === undefined) continue;
          entries.push({ at, entry: { accountId: account.sub, kind: 'sign-in-failed', address } });
        }
        await this.#keep(entries, uses);
      })
      .catch((err: unknown) => this.#log.warn({ err }, 'recent activity of accounts was not written'));
  }

  async #keep(
    entries: ReadonlyArray<{ at: number; entry: Told }>,
    uses: ReadonlyArray<{ at: number; accountId: string; clientId: string }>,
  ): Promise<void> {
    const people = new Set(entries.map(({ entry }) => entry.accountId));
    await this.#database.transaction(async (transaction, now) => {
      const rows = entries.map(({ at, entry }) => ({
        id: this.#nextId(),
        sub: entry.accountId,
        at,
        kind: entry.kind,
        address: entry.address ?? null,
        user_agent: entry.userAgent ?? null,
        client_id: entry.clientId ?? null,
      }));
      if (rows.length > 0) await transaction.insertInto('account_activity').values(rows).execute();
      for (const sub of people) {
        const oldest = await transaction
          .selectFrom('account_activity')
          .select('at')
          .where('sub', '=', sub)
          .orderBy('at', 'desc')
          .offset(KEPT_OF_ONE)
          .limit(1)
          .executeTakeFirst();
        if (oldest === undefined) continue;
        await transaction
          .deleteFrom('account_activity')
          .where('sub', '=', sub)
          .where('at', '<=', oldest.at)
          .execute();
      }
      for (const { at, accountId: sub, clientId: client_id } of uses) {
        await transaction
          .insertInto('application_uses')
          .values({ sub, client_id, used_at: at })
          .onConflict((conflict) => conflict.columns(['sub', 'client_id']).doUpdateSet({ used_at: at }))
          .execute();
      }
      await transaction
        .deleteFrom('account_activity')
        .where('at', '<', now - KEPT_DAYS * DAY_MILLISECONDS)
        .execute();
      await transaction
        .deleteFrom('application_uses')
        .where('used_at', '<', now - USES_KEPT_DAYS * DAY_MILLISECONDS)
        .execute();
    });
  }
}

/** Keeps a map bounded: the oldest entry makes room. */
function remember(map: Map<string, number>, key: string, value: number, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
