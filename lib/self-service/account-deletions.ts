import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { Database } from '../database/database.ts';
import type { PreparedQuery } from '../database/prepared-query.ts';
import { RecurringWork } from '../database/recurring-work.ts';
import type { Grants } from '../grants/grants.ts';
import { mailPerson, type NoticeRooms } from '../interactions/security-notice.ts';
import type { Log } from '../observability/log.ts';

const DAY_MILLISECONDS = 86_400_000;
/** How often it is looked whose time has come (ms). */
const INTERVAL_MILLISECONDS = 60_000;
const FIRST_LOOK_MILLISECONDS = 1000;
/** The most people that one look deletes. */
const AT_ONCE = 20;

/** What deletions work with. */
export interface DeletionRooms extends NoticeRooms {
  database: Database;
  accounts: AccountAdapter;
  grants: Grants;
  log: Log;
}

/**
 * People who asked to be deleted. Until their time has come the account is as it was, signed out everywhere; whoever signs in
 * meanwhile has changed their mind. Any number of processes look whose time has come: each step can be taken twice, and one process tells the
 * person that it is done. (docs/decisions/0023-account-page.md)
 */
export class AccountDeletions {
  readonly #rooms: DeletionRooms;
  readonly #looking: RecurringWork;
  readonly #pending: PreparedQuery<{ sub: string }, { sub: string }>;
  #cancelling = new Set<Promise<void>>();

  constructor(rooms: DeletionRooms) {
    this.#rooms = rooms;
    this.#pending = rooms.database.prepare((query, given) =>
      query.selectFrom('account_deletions').select('sub').where('sub', '=', given.sub),
    );
    this.#looking = new RecurringWork({
      work: () => this.deleteDue(),
      firstAfter: FIRST_LOOK_MILLISECONDS,
      interval: INTERVAL_MILLISECONDS,
      failed: (err) => rooms.log.warn({ err }, 'people who asked for it could not be deleted; later'),
    });
    rooms.events.on('account.activity', ({ accountId, kind }) => {
      if (kind === 'signed-in') this.#cancelSoon(accountId);
    });
  }

  /** Notes the wish, and answers when it will be fulfilled (Unix time, ms). A repeated one keeps the first date. */
  async request(sub: string, days: number): Promise<number> {
    return this.#rooms.database.transaction(async (transaction, now) => {
      const values = { sub, requested_at: now, due_at: now + days * DAY_MILLISECONDS };
      await transaction
        .insertInto('account_deletions')
        .values(values)
        .onConflict((conflict) => conflict.column('sub').doNothing())
        .execute();
      const row = await transaction
        .selectFrom('account_deletions')
        .select('due_at')
        .where('sub', '=', sub)
        .executeTakeFirstOrThrow();
      return Number(row.due_at);
    });
  }

  /** Looks from time to time until `stop`. */
  start(): void {
    this.#looking.start();
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    await this.#looking.stop();
    await Promise.all(this.#cancelling);
  }

  /** Deletes those whose time has come. */
  async deleteDue(): Promise<void> {
    const { database, log } = this.#rooms;
    const due = await database.query
      .selectFrom('account_deletions')
      .select('sub')
      .where('due_at', '<=', database.now())
      .orderBy('due_at')
      .limit(AT_ONCE)
      .execute();
    for (const { sub } of due) {
      if (this.#looking.isStopping) return;
      await this.#delete(sub).catch((err: unknown) =>
        log.error({ err }, 'a person who asked for it could not be deleted yet'),
      );
    }
  }

  async #delete(sub: string): Promise<void> {
    const { accounts, grants, log } = this.#rooms;
    const account = await accounts.findBySub(sub);
    const sessions = await grants.listSessions({ accountId: sub });
    // All ended when it was asked for: a session tells of somebody who came back, though nobody noted that.
    if (sessions.length > 0) {
      await this.#cancel(sub, Number.POSITIVE_INFINITY);
      return;
    }
    await grants.endAccount(sub, { consent: true });
    const deleted = await accounts.directory?.delete(sub, async (transaction, now) => {
      const pending = await transaction
        .selectFrom('account_deletions')
        .select('sub')
        .where('sub', '=', sub)
        .where('due_at', '<=', now)
        .executeTakeFirst();
      return pending !== undefined;
    });
    if (deleted?.outcome === 'not_found') await this.#forget(sub, Number.POSITIVE_INFINITY);
    if (deleted?.outcome !== 'deleted') return;
    // Whoever signed in between the two has no account any more; nor may they have a session.
    await grants.endAccount(sub, { consent: true });
    log.info('a person was deleted, as they had asked');
    if (account !== undefined) mailPerson(this.#rooms, undefined, account, { kind: 'account-deleted' });
  }

  #cancelSoon(sub: string): void {
    const { database, log } = this.#rooms;
    const cancelling = this.#cancel(sub, database.now())
      // The session that they have now speaks for them when the time has come.
      .catch((err: unknown) => log.warn({ err }, 'a deletion was not cancelled yet'))
      .finally(() => this.#cancelling.delete(cancelling));
    this.#cancelling.add(cancelling);
  }

  /** Forgets a wish of before `before`, and tells the person. */
  async #cancel(sub: string, before: number): Promise<void> {
    const { accounts, events } = this.#rooms;
    const [pending] = await this.#pending({ sub });
    if (pending === undefined || !(await this.#forget(sub, before))) return;
    events.emit('account.activity', { accountId: sub, kind: 'deletion-cancelled' });
    const account = await accounts.findBySub(sub);
    if (account !== undefined) mailPerson(this.#rooms, undefined, account, { kind: 'deletion-cancelled' });
  }

  async #forget(sub: string, before: number): Promise<boolean> {
    const forgotten = await this.#rooms.database.transaction((transaction) =>
      transaction
        .deleteFrom('account_deletions')
        .where('sub', '=', sub)
        .where('requested_at', '<', Math.min(before, Number.MAX_SAFE_INTEGER))
        .returning('sub')
        .executeTakeFirst(),
    );
    return forgotten !== undefined;
  }
}
