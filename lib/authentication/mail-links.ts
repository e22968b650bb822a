import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Database, DirectoryTransaction } from '../database/database.ts';
import { answerOnce } from './answer-once.ts';

/** 256 random bits: guessing one is hopeless, so that attempts need no counting. */
const LINK_BYTES = 32;
/** How long it is remembered what used a link up, in ms. */
const SPENT_MILLISECONDS = 300_000;
const LINK_FORM = /^[\w-]{43}$/;

/** What each kind of link carries. A link of one purpose is nothing to another. */
export interface MailLinkDetails {
  'reset-password': { email: string; origin?: LinkOrigin };
  'verify-email': { email: string };
  register: { email: string; origin?: LinkOrigin };
  'change-email': { from?: string; to: string };
}

export type LinkPurpose = keyof MailLinkDetails;

/** The interaction in which a link was asked for, where the person goes on afterwards. */
export interface LinkOrigin {
  uid: string;
  clientId: string;
}

export interface FoundLink<Purpose extends LinkPurpose> {
  /** Subject identifier of the person, where there is one already. */
  account: string | undefined;
  details: MailLinkDetails[Purpose];
}

/**
 * Links that are sent by mail (NIST SP 800-63B-4 §3.1.3.2 wants random, short-lived, single-use secrets). The directory keeps the
 * digest of one, never the link. Looking changes nothing, since scanners of mail follow links; spending removes it in the
 * transaction of what it allows, so that of any number of attempts in any number of processes one succeeds.
 */
export class MailLinks {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A new link's random part, good for `seconds`. Without an account it costs the same. */
  async create<Purpose extends LinkPurpose>(link: {
    purpose: Purpose;
    account?: string | undefined;
    details: MailLinkDetails[Purpose];
    seconds: number;
  }): Promise<string> {
    const { purpose, account, details, seconds } = link;
    const secret = randomBytes(LINK_BYTES).toString('base64url');
    const digest = digestOf(secret);
    const sealed = this.#database.sealer.seal(JSON.stringify(details), contextOf(purpose, digest));
    await this.#database.transaction(async (transaction, now) => {
      await transaction.deleteFrom('mail_links').where('expires_at', '<=', now).execute();
      await transaction
        .insertInto('mail_links')
        .values({
          digest,
          purpose,
          account: account ?? null,
          details: sealed,
          created_at: now,
          expires_at: now + seconds * 1000,
        })
        .execute();
    });
    return secret;
  }

  /** What a link is about, as long as it can be used. */
  async find<Purpose extends LinkPurpose>(
    purpose: Purpose,
    secret: unknown,
  ): Promise<FoundLink<Purpose> | undefined> {
    if (typeof secret !== 'string' || !LINK_FORM.test(secret)) return undefined;
    const digest = digestOf(secret);
    const row = await this.#database.query
      .selectFrom('mail_links')
      .selectAll()
      .where('digest', '=', digest)
      .where('purpose', '=', purpose)
      .where('expires_at', '>', this.#database.now())
      .executeTakeFirst();
    if (row === undefined) return undefined;
    const details = this.#database.sealer.open(row.details, contextOf(purpose, digest)).toString();
    return { account: row.account ?? undefined, details: JSON.parse(details) };
  }

  /**
   * Uses a link up inside the transaction of what it allows; false when it was used, has expired, or when the person's
   * password was changed since it was sent. With it goes every other link of that purpose to that person; with a change of
   * address, everything that was sent to the former one. What it was used by (`form`) is
   * remembered for a moment: whatever else the transaction does must not be refused any more.
   */
  async spend(
    purpose: LinkPurpose,
    secret: string,
    transaction: DirectoryTransaction,
    now: number,
    form?: string,
  ): Promise<boolean> {
    const good = await this.#use(purpose, secret, transaction, now);
    if (good && form !== undefined) await noteUse({ secret, form }, transaction, now);
    return good;
  }

  /** The same afterwards, where only then is known what came of it. */
  async rememberUse(secret: string, form: string): Promise<void> {
    await this.#database.transaction((transaction, now) => noteUse({ secret, form }, transaction, now));
  }

  /** Whether it was this form that used the link up, a moment ago. What is kept of it tells nothing without the link itself. */
  async wasSpentBy(secret: string, form: string): Promise<boolean> {
    const note = await this.#database.query
      .selectFrom('answered_challenges')
      .select('digest')
      .where('digest', '=', formDigest(secret, form))
      .where('expires_at', '>', this.#database.now())
      .executeTakeFirst();
    return note !== undefined;
  }

  async #use(
    purpose: LinkPurpose,
    secret: string,
    transaction: DirectoryTransaction,
    now: number,
  ): Promise<boolean> {
    const spent = await transaction
      .deleteFrom('mail_links')
      .where('digest', '=', digestOf(secret))
      .where('purpose', '=', purpose)
      .where('expires_at', '>', now)
      .returning(['account', 'created_at'])
      .executeTakeFirst();
    if (spent === undefined) return false;
    if (spent.account === null) return true;
    const others = transaction.deleteFrom('mail_links').where('account', '=', spent.account);
    await (purpose === 'change-email' ? others : others.where('purpose', '=', purpose)).execute();
    if (purpose !== 'reset-password' && purpose !== 'change-email') return true;
    const password = await transaction
      .selectFrom('passwords')
      .select('changed_at')
      .where('sub', '=', spent.account)
      .executeTakeFirst();
    return password === undefined || Number(password.changed_at) <= Number(spent.created_at);
  }
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

async function noteUse(
  { secret, form }: { secret: string; form: string },
  transaction: DirectoryTransaction,
  now: number,
): Promise<void> {
  const note = { digest: formDigest(secret, form), expires_at: now + SPENT_MILLISECONDS };
  await answerOnce(transaction, now, note);
}

function formDigest(secret: string, form: string): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['form of a link', form]))
    .digest('base64url');
}

function contextOf(purpose: string, digest: string): string {
  return `mail-link:${purpose}:${digest}`;
}
