import { hash } from 'node:crypto';
import type { Database, DirectoryTransaction as Transaction } from '../database/database.ts';
import { isStorable } from '../database/prepared-query.ts';
import type { UpstreamIdentitiesTable } from '../database/tables/upstream-identities.ts';

const LABEL_LENGTH = 120;

/** Somebody at another provider, as it told. */
export interface UpstreamIdentity {
  /** The provider's name in the configuration. */
  readonly provider: string;
  readonly issuer: string;
  /** Its `sub`. */
  readonly subject: string;
  /** What the person knows it by. */
  readonly label: string;
}

/** Whose it is here. */
export interface LinkedIdentity extends UpstreamIdentity {
  /** Subject identifier of the person here. */
  readonly sub: string;
  /** Unix time, ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
}

/** `known`: it was linked with this person already; `taken`: it is somebody else's. */
export type LinkOutcome = 'linked' | 'known' | 'taken';

/**
 * Who people are at other providers. An identity is its issuer and its subject together and belongs to one person at most; a
 * person may have any number.
 */
export class UpstreamIdentities {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async find({
    issuer,
    subject,
  }: Pick<UpstreamIdentity, 'issuer' | 'subject'>): Promise<LinkedIdentity | undefined> {
    if (!isStorable(subject)) return undefined;
    const row = await this.#database.query
      .selectFrom('upstream_identities')
      .selectAll()
      .where('issuer', '=', issuer)
      .where('subject', '=', subject)
      .executeTakeFirst();
    return row === undefined ? undefined : identityOf(row);
  }

  /** A person's, oldest first. */
  async listOf(sub: string): Promise<LinkedIdentity[]> {
    const rows = await this.#database.query
      .selectFrom('upstream_identities')
      .selectAll()
      .where('sub', '=', sub)
      .orderBy('created_at')
      .orderBy('issuer')
      .orderBy('subject')
      .execute();
    return rows.map(identityOf);
  }

  /** Links it with a person who has proved to be both. */
  link(identity: UpstreamIdentity, sub: string): Promise<LinkOutcome> {
    return this.#database.transaction(async (transaction, now): Promise<LinkOutcome> => {
      if (await linkIn(transaction, now, identity, sub)) return 'linked';
      const { sub: owner } = await transaction
        .selectFrom('upstream_identities')
        .select('sub')
        .where('issuer', '=', identity.issuer)
        .where('subject', '=', identity.subject)
        .executeTakeFirstOrThrow();
      return owner === sub ? 'known' : 'taken';
    });
  }

  /** Notes that its person has just signed in by it. False: it is not this person's any more. */
  async noteUse({ provider, issuer, subject, label }: UpstreamIdentity, sub: string): Promise<boolean> {
    return this.#database.transaction(async (transaction, now) => {
      const row = await transaction
        .updateTable('upstream_identities')
        .set({ provider, label: labelOf(label), last_used_at: now })
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .where('sub', '=', sub)
        .returning('sub')
        .executeTakeFirst();
      return row !== undefined;
    });
  }

  /**
   * Takes one off its person. `last`: it stays, being the only way in of somebody who `keepsLast` and has neither a password nor a
   * passkey nor another identity; where `issuers` are given, at one of these: nobody signs in any more by one that was configured once.
   */
  unlink(
    sub: string,
    { issuer, subject }: Pick<UpstreamIdentity, 'issuer' | 'subject'>,
    { keepsLast, issuers }: { keepsLast: boolean; issuers?: readonly string[] },
  ): Promise<'unlinked' | 'not_found' | 'last'> {
    return this.#database.transaction(async (transaction) => {
      const theirs = await transaction
        .selectFrom('upstream_identities')
        .select(['issuer', 'subject'])
        .where('sub', '=', sub)
        .execute();
      if (!theirs.some((row) => row.issuer === issuer && row.subject === subject)) return 'not_found';
      const isUsable = (row: { issuer: string }): boolean => issuers?.includes(row.issuer) ?? true;
      const others = theirs.filter((row) => row.issuer !== issuer || row.subject !== subject);
      if (keepsLast && !others.some(isUsable) && !(await hasOtherWay(transaction, sub))) return 'last';
      await transaction
        .deleteFrom('upstream_identities')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .where('sub', '=', sub)
        .execute();
      return 'unlinked';
    });
  }

  /** Remembers whose sign-in came from this session there, for `seconds`. */
  async noteSession(session: { issuer: string; sid: string }, sub: string, seconds: number): Promise<void> {
    await this.#database.transaction(async (transaction, now) => {
      await transaction.deleteFrom('upstream_sessions').where('expires_at', '<=', now).execute();
      const values = { digest: sessionDigest(session), sub, expires_at: now + seconds * 1000 };
      await transaction
        .insertInto('upstream_sessions')
        .values(values)
        .onConflict((conflict) => conflict.column('digest').doUpdateSet(values))
        .execute();
    });
  }

  /** Whose sign-in came from this session there; undefined when nobody's did. */
  async personOfSession(session: { issuer: string; sid: string }): Promise<string | undefined> {
    const row = await this.#database.query
      .selectFrom('upstream_sessions')
      .select('sub')
      .where('digest', '=', sessionDigest(session))
      .executeTakeFirst();
    return row?.sub;
  }
}

/** Links it in the transaction of something else; false when it is linked already, with whomever. */
export async function linkIn(
  transaction: Transaction,
  now: number,
  { provider, issuer, subject, label }: UpstreamIdentity,
  sub: string,
): Promise<boolean> {
  const row = await transaction
    .insertInto('upstream_identities')
    .values({
      issuer,
      subject,
      sub,
      provider,
      label: labelOf(label),
      created_at: now,
      last_used_at: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('sub')
    .executeTakeFirst();
  return row !== undefined;
}

async function hasOtherWay(transaction: Transaction, sub: string): Promise<boolean> {
  for (const table of ['passwords', 'passkeys'] as const) {
    const row = await transaction.selectFrom(table).select('sub').where('sub', '=', sub).executeTakeFirst();
    if (row !== undefined) return true;
  }
  return false;
}

/** One line, as the provider told it, without what nobody sees. */
function labelOf(given: string): string {
  const line = given.replaceAll(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...line].slice(0, LABEL_LENGTH).join('').trim();
}

function sessionDigest({ issuer, sid }: { issuer: string; sid: string }): string {
  return hash('sha256', JSON.stringify([issuer, sid]), 'base64url');
}

function identityOf(row: UpstreamIdentitiesTable): LinkedIdentity {
  return {
    provider: row.provider,
    issuer: row.issuer,
    subject: row.subject,
    label: row.label,
    sub: row.sub,
    createdAt: Number(row.created_at),
    lastUsedAt: row.last_used_at === null ? undefined : Number(row.last_used_at),
  };
}
