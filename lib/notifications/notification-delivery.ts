import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import type { LeasedNotice, Notifications } from './notifications.ts';

/** How long (ms) a process has a notice for itself; longer than any attempt takes. */
const LEASE_MILLISECONDS = 60_000;
/** How often (ms) it is looked, without a question to the database, whether there is something new. */
const LOOK_MILLISECONDS = 500;
/** After the database did not answer (ms). */
const AFTER_TROUBLE_MILLISECONDS = 4500;
/** At the latest so often (ms) the database is asked, should a revision have got lost. */
const LONGEST_PAUSE_MILLISECONDS = 30_000;
/** Deliveries of one process at once. */
const AT_ONCE = 8;
/** Of these to one recipient; so many are taken at a time, so that one more can be to it at most. */
const AT_ONCE_TO_ONE = 2;
const LONGEST_RETRY_SECONDS = 3600;

/** The notice cannot ever be delivered: its recipient is gone, or takes no such notices any more. */
export class Undeliverable extends Error {
  override name = 'Undeliverable';
}

/** Nobody waits for the notice any more: it is dropped. */
export class Obsolete extends Error {
  override name = 'Obsolete';
}

/**
 * Delivers one notice of a kind. Rejects when it did not arrive, with a message for the operator; with Undeliverable when it
 * never will, and with Obsolete when it need not. It must end well within a minute.
 */
export type Deliver = (details: Readonly<Record<string, unknown>>) => Promise<void>;

/** Seconds before the attempt that follows `attempts` failed ones, without jitter. */
export function retrySeconds(attempts: number, firstRetry: number): number {
  return Math.min(LONGEST_RETRY_SECONDS, firstRetry * 3 ** (attempts - 1));
}

/** Delivers what is due, in this process, until it is stopped. */
export class NotificationDelivery {
  readonly #notifications: Notifications;
  readonly #kinds: ReadonlyMap<string, Deliver>;
  readonly #settings: { attempts: number; firstRetry: number };
  readonly #events: Events;
  readonly #log: Log;
  readonly #stopping = new AbortController();
  /** Deliveries, by their recipients. */
  readonly #underWay = new Map<Promise<void>, string>();
  #running: Promise<void> | undefined;
  /** When something is due, as far as this process knows; Unix time, ms, by the database's clock. */
  #due = 0;
  #wake = (): void => {};

  constructor(options: {
    notifications: Notifications;
    /** How each kind is delivered. */
    deliver: ReadonlyMap<string, Deliver>;
    settings: { attempts: number; firstRetry: number };
    events: Events;
    log: Log;
  }) {
    this.#notifications = options.notifications;
    this.#kinds = options.deliver;
    this.#settings = options.settings;
    this.#events = options.events;
    this.#log = options.log;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing is under way; what has not begun waits for another process, or the next start. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all(this.#underWay.keys());
  }

  async #run(): Promise<void> {
    let seen: number | undefined;
    let asked = Number.NEGATIVE_INFINITY;
    while (!this.#stopping.signal.aborted) {
      try {
        const revision = this.#notifications.revision();
        const overdue = performance.now() - asked > LONGEST_PAUSE_MILLISECONDS;
        if (revision !== seen || this.#due <= this.#notifications.now() || overdue) {
          seen = revision;
          asked = performance.now();
          await this.#begin();
        }
      } catch (err) {
        this.#log.warn({ err }, 'notices cannot be read; later');
        seen = undefined;
        await this.#rest(AFTER_TROUBLE_MILLISECONDS);
      }
      await this.#rest(LOOK_MILLISECONDS);
    }
  }

  /** Begins what is due and notes when to look again. */
  async #begin(): Promise<void> {
    // What others find meanwhile may be due earlier.
    this.#due = Number.POSITIVE_INFINITY;
    const due = (await this.#notifications.nextDue()) ?? Number.POSITIVE_INFINITY;
    if (due > this.#notifications.now()) {
      this.#due = Math.min(this.#due, due);
      return;
    }
    this.#due = 0;
    for (;;) {
      const free = Math.min(AT_ONCE_TO_ONE, AT_ONCE - this.#underWay.size);
      if (free === 0) return;
      const taken = await this.#notifications.take(free, LEASE_MILLISECONDS, this.#busyRecipients());
      for (const notice of taken) this.#start(notice);
      if (taken.length < free) return;
    }
  }

  /** Those to whom as much is under way as may be: one that hangs does not hold the others up. */
  #busyRecipients(): string[] {
    const counts = new Map<string, number>();
    for (const recipient of this.#underWay.values()) counts.set(recipient, (counts.get(recipient) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= AT_ONCE_TO_ONE).map(([recipient]) => recipient);
  }

  #start(notice: LeasedNotice): void {
    const delivery = this.#attempt(notice)
      .catch((err: unknown) => this.#log.warn({ err }, 'what came of a notice cannot be noted'))
      .finally(() => {
        this.#underWay.delete(delivery);
        // Perhaps more wait for the place that is free now.
        this.#due = 0;
        this.#wake();
      });
    this.#underWay.set(delivery, notice.recipient);
  }

  async #attempt(notice: LeasedNotice): Promise<void> {
    const { id, kind, recipient, attempts } = notice;
    const told = { notification: id, kind, recipient, attempts };
    const problem = await this.#deliver(notice).then(
      () => undefined,
      (error: unknown) => error as Error,
    );
    if (problem === undefined) {
      await this.#notifications.finish(notice);
      this.#events.emit('notification.attempted', { kind, outcome: 'delivered' });
      this.#log.info(told, 'a notice was delivered');
      return;
    }
    if (problem instanceof Obsolete) {
      await this.#notifications.finish(notice);
      this.#events.emit('notification.attempted', { kind, outcome: 'dropped' });
      this.#log.info({ ...told, problem: problem.message }, 'a notice is dropped: nobody waits for it');
      return;
    }
    const last = problem instanceof Undeliverable || attempts >= this.#settings.attempts;
    const milliseconds = retrySeconds(attempts, this.#settings.firstRetry) * 1000;
    // Half of it is chance, so that what failed together is not tried together.
    const pauseMs = last ? undefined : Math.ceil(milliseconds / 2) + randomInt(milliseconds / 2 + 1);
    await this.#notifications.postpone(notice, problem.message, pauseMs);
    this.#events.emit('notification.attempted', { kind, outcome: last ? 'given_up' : 'failed' });
    const line = { ...told, problem: problem.message };
    if (last) this.#log.error(line, 'a notice is given up: it was not taken');
    else this.#log.warn({ ...line, delay: pauseMs }, 'a notice was not taken; it is tried again');
  }

  async #deliver({ kind, attempts, details }: LeasedNotice): Promise<void> {
    const deliver = this.#kinds.get(kind);
    if (deliver === undefined) throw new Undeliverable('this server does not send such notices');
    // Whoever had it before ended in the middle, time and again.
    if (attempts > this.#settings.attempts) throw new Undeliverable('every attempt ended with its process');
    await deliver(details());
  }

  /** Ends early, without an error, when it is stopped or woken. */
  async #rest(milliseconds: number): Promise<void> {
    const { promise: woken, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const enough = new AbortController();
    const signal = AbortSignal.any([this.#stopping.signal, enough.signal]);
    await Promise.race([woken, pause(milliseconds, undefined, { signal, ref: false }).catch(() => {})]);
    enough.abort();
  }
}
