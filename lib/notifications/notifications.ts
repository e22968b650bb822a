/**
 * Notices that must arrive: what has to be told to an application or a service although whoever causes it cannot wait. This
 * room owns that each is kept in the directory's database until it is delivered, tried again with growing pauses and given
 * up after bounded attempts, by whichever process has it on lease. It delivers at least once: a process that ends between a
 * delivery and the note of it leaves the notice to another, so every notice carries what its receiver can recognise it by.
 * It refuses to order them. What a kind of notice says and how it is sent is told by the rooms above.
 */
import { randomBytes } from 'node:crypto';
import type { Database } from '../database/database.ts';
import type { NotificationsTable } from '../database/tables/notifications.ts';

/** So long (ms) after it was added nobody begins to deliver one: what it tells of is being committed. */
const SETTLING_MILLISECONDS = 250;
/** So long (ms) one that was given up is kept for the operator. */
const FAILED_MILLISECONDS = 30 * 86_400_000;

/** A notice to deliver. */
export interface Notice {
  kind: string;
  /** What the operator sees of where it goes: a client id. */
  recipient: string;
  details: Readonly<Record<string, unknown>>;
}

/** A notice that waits or was given up, as the operator sees it. */
export interface NotificationRecord {
  id: string;
  kind: string;
  recipient: string;
  state: 'waiting' | 'failed';
  attempts: number;
  problem: string | undefined;
  /** Unix time, ms. */
  createdAt: number;
  /** The next attempt; Unix time, ms. Undefined when there is none. */
  dueAt: number | undefined;
}

/** A notice that this process may deliver now, until the lease ends. */
export interface LeasedNotice extends Omit<Notice, 'details'> {
  id: string;
  lease: string;
  /** This attempt included. */
  attempts: number;
  /** Throws SealError when the key that it was sealed with is gone. */
  details(): Notice['details'];
}

type NotFound = { outcome: 'not_found' };

/** The notices of the directory. Everything rejects with DatabaseUnavailable when PostgreSQL does not answer. */
export class Notifications {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps notices; they are safe when it resolves. To be called before what they tell of is committed. */
  async add(notices: readonly Notice[]): Promise<void> {
    if (notices.length === 0) return;
    const { sealer } = this.#database;
    const rows = notices.map(({ kind, recipient, details }) => {
      const id = randomBytes(16).toString('base64url');
      return { id, kind, recipient, details: sealer.seal(JSON.stringify(details), sealingContext(id)) };
    });
    await this.#database.transaction(async (transaction, now) => {
      await transaction
        .insertInto('notifications')
        .values(
          rows.map((row) => ({
            ...row,
            state: 'waiting' as const,
            attempts: 0,
            due_at: now + SETTLING_MILLISECONDS,
            created_at: now,
          })),
        )
        .execute();
      await this.#database.revisions.move(transaction, 'notifications');
    });
  }

  /** The oldest first, at most `limit`. */
  async list(limit = 1000): Promise<NotificationRecord[]> {
    const rows = await this.#database.query
      .selectFrom('notifications')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map(recordOf);
  }

  /** How many wait and how many were given up. */
  async count(): Promise<Record<NotificationsTable['state'], number>> {
    const rows = await this.#database.query
      .selectFrom('notifications')
      .select(({ fn }) => ['state', fn.countAll().as('number')])
      .groupBy('state')
      .execute();
    return {
      waiting: 0,
      failed: 0,
      ...Object.fromEntries(rows.map((row) => [row.state, Number(row.number)])),
    };
  }

  /** Makes one due at once, with all its attempts before it. What is being delivered is left to that attempt's lease. */
  async retry(id: string): Promise<{ outcome: 'due' } | NotFound> {
    const due = await this.#database.transaction(async (transaction, now) => {
      const { numUpdatedRows } = await transaction
        .updateTable('notifications')
        .set({ state: 'waiting', attempts: 0, due_at: now, lease: null })
        .where('id', '=', id)
        .executeTakeFirst();
      if (numUpdatedRows > 0n) await this.#database.revisions.move(transaction, 'notifications');
      return numUpdatedRows > 0n;
    });
    return { outcome: due ? 'due' : 'not_found' };
  }

  /** Removes one: it is not delivered any more, unless that has begun. */
  async discard(id: string): Promise<{ outcome: 'discarded' } | NotFound> {
    const { numDeletedRows } = await this.#database.query
      .deleteFrom('notifications')
      .where('id', '=', id)
      .executeTakeFirst();
    return { outcome: numDeletedRows > 0n ? 'discarded' : 'not_found' };
  }

  /** When the next notice is due (Unix time, ms, by the database's clock); undefined when none waits. */
  async nextDue(): Promise<number | undefined> {
    const row = await this.#database.query
      .selectFrom('notifications')
      .select(({ fn }) => fn.min('due_at').as('due'))
      .where('state', '=', 'waiting')
      .executeTakeFirst();
    return row?.due == null ? undefined : Number(row.due);
  }

  /** Takes at most `limit` that are due, for `leaseMs`: no other process begins them before that is over. None of `except`, recipients. */
  async take(limit: number, leaseMs: number, except: readonly string[] = []): Promise<LeasedNotice[]> {
    const lease = randomBytes(16).toString('base64url');
    const rows = await this.#database.transaction(async (transaction, now) => {
      await transaction
        .deleteFrom('notifications')
        .where('state', '=', 'failed')
        .where('due_at', '<', now - FAILED_MILLISECONDS)
        .execute();
      const due = transaction
        .selectFrom('notifications')
        .select('id')
        .where('state', '=', 'waiting')
        .where('due_at', '<=', now)
        .$if(except.length > 0, (query) => query.where('recipient', 'not in', [...except]))
        .orderBy('due_at')
        .limit(limit);
      return transaction
        .updateTable('notifications')
        .set(({ eb }) => ({ lease, due_at: now + leaseMs, attempts: eb('attempts', '+', 1) }))
        .where('id', 'in', due)
        .returningAll()
        .execute();
    });
    return rows.map((row) => ({
      id: row.id,
      kind: row.kind,
      recipient: row.recipient,
      details: () =>
        JSON.parse(this.#database.sealer.open(row.details, sealingContext(row.id)).toString()) as Record<
          string,
          unknown
        >,
      lease,
      attempts: row.attempts,
    }));
  }

  /** It was delivered, or never can be. Nothing happens when the lease has gone to another process. */
  async finish({ id, lease }: LeasedNotice): Promise<void> {
    await this.#database.query
      .deleteFrom('notifications')
      .where('id', '=', id)
      .where('lease', '=', lease)
      .execute();
  }

  /** It was not delivered: it is due again in `pauseMs`, or given up when that is undefined. `problem` is kept for the operator. */
  async postpone({ id, lease }: LeasedNotice, problem: string, pauseMs: number | undefined): Promise<void> {
    await this.#database.query
      .updateTable('notifications')
      .set({
        state: pauseMs === undefined ? 'failed' : 'waiting',
        due_at: this.#database.now() + (pauseMs ?? 0),
        lease: null,
        problem: problem.slice(0, 500),
      })
      .where('id', '=', id)
      .where('lease', '=', lease)
      .execute();
  }

  /** Whether anything was added or made due, by any process, since another number was answered. Throws DatabaseUnavailable. */
  revision(): number {
    return this.#database.revisions.current('notifications');
  }

  /** Unix time (ms) by the clock that due times go by. */
  now(): number {
    return this.#database.now();
  }
}

/** What the details of a notice are sealed for. */
function sealingContext(id: string): string {
  return `notification:${id}`;
}

function recordOf(row: NotificationsTable): NotificationRecord {
  return {
    id: row.id,
    kind: row.kind,
    recipient: row.recipient,
    state: row.state,
    attempts: row.attempts,
    problem: row.problem ?? undefined,
    createdAt: row.created_at,
    dueAt: row.state === 'waiting' ? row.due_at : undefined,
  };
}
