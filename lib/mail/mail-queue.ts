import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../observability/log.ts';
import { Places } from '../outbound/places.ts';
import type { Delivery, Mail, MailMessage } from './mail-message.ts';

export interface QueueLimits {
  /** The most messages that wait; further ones are lost. */
  waiting: number;
  /** Messages on their way at once. */
  atOnce: number;
  /** How long (ms) after a failed attempt the next one is made; with the last the message is lost. */
  retryMilliseconds: readonly number[];
  /** How long (ms) closing waits for what is left, and again for the last attempts. */
  closeMilliseconds: number;
  /**
   * A message starts at some moment of this many ms, so that neither the answer of the request that caused it nor that of
   * the next one tells by its timing whether there was one.
   */
  spreadMilliseconds: number;
}

const LIMITS: QueueLimits = {
  waiting: 1000,
  atOnce: 4,
  retryMilliseconds: [2000, 15_000, 60_000, 300_000, 900_000],
  closeMilliseconds: 3000,
  spreadMilliseconds: 400,
};

/** Why a delivery failed, without anything that names the person: servers repeat addresses in what they say. */
function describeFailure(error: unknown): { code: string; status?: number; permanent: boolean } {
  const { code, originalCode, responseCode } = (error ?? {}) as Record<string, unknown>;
  const status = typeof responseCode === 'number' ? responseCode : undefined;
  // RFC 5321 section 4.2.1: 5yz is final. A refused login is the operator's to mend, perhaps while the message waits.
  const permanent = status !== undefined && status >= 500 && code !== 'EAUTH';
  // nodemailer has one code for whatever the network or TLS came upon, and keeps theirs beside it.
  return {
    code: String(originalCode ?? code ?? 'unknown'),
    ...(status === undefined ? {} : { status }),
    permanent,
  };
}

/** Messages on their way, in this process alone: one that ends without a farewell loses what waits. */
export class MailQueue implements Mail {
  readonly #delivery: Delivery;
  readonly #log: Log;
  readonly #limits: QueueLimits;
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #places: Places;

  constructor(delivery: Delivery, log: Log, limits: Partial<QueueLimits> = {}) {
    this.#delivery = delivery;
    this.#log = log;
    this.#limits = { ...LIMITS, ...limits };
    this.#places = new Places(this.#limits.atOnce);
  }

  send(compose: () => MailMessage): void {
    if (this.#closing.signal.aborted || this.#pending.size >= this.#limits.waiting) {
      this.#log.error({ reason: 'too many wait' }, 'a mail is lost');
      return;
    }
    const pending = this.#bring(compose)
      .catch((err: unknown) => this.#log.error({ err }, 'a mail is lost: it cannot be written'))
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async close(): Promise<void> {
    await this.#idleOrLate();
    // What waits for its next attempt makes the last one now.
    this.#closing.abort();
    await this.#idleOrLate();
    this.#delivery.close();
    await this.idle();
  }

  async #idleOrLate(): Promise<void> {
    const enough = new AbortController();
    await Promise.race([
      this.idle(),
      sleep(this.#limits.closeMilliseconds, undefined, { signal: enough.signal }).catch(() => {}),
    ]);
    enough.abort();
  }

  async #bring(compose: () => MailMessage): Promise<void> {
    await this.#pause(randomInt(this.#limits.spreadMilliseconds + 1));
    const message = compose();
    for (let attempts = 1; ; attempts += 1) {
      const failure = await this.#attempt(message);
      if (failure === undefined) {
        this.#log.info({ attempts }, 'a mail was handed over');
        return;
      }
      const { permanent, ...line } = failure;
      const wait = permanent ? undefined : this.#limits.retryMilliseconds[attempts - 1];
      if (wait === undefined || this.#closing.signal.aborted) {
        this.#log.error({ ...line, attempts }, 'a mail is lost: it was not taken');
        return;
      }
      this.#log.warn({ ...line, attempts, delay: wait }, 'a mail was not taken; it is tried again');
      await this.#pause(wait);
    }
  }

  async #attempt(message: MailMessage): Promise<ReturnType<typeof describeFailure> | undefined> {
    const leave = await this.#places.take();
    try {
      await this.#delivery.deliver(message);
      return undefined;
    } catch (error) {
      return describeFailure(error);
    } finally {
      leave?.();
    }
  }

  /** Ends at once when the queue closes: a last attempt is better than none. */
  async #pause(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#closing.signal }).catch(() => {});
  }
}
