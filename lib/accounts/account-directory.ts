import type { DirectoryTransaction } from '../database/database.ts';
import type { Account } from './account.ts';

/** A person with what an operator wants to know besides. */
export interface AccountRecord extends Account {
  readonly hasPassword: boolean;
  /** Unix time, ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Why a change was not made, in words for whoever asked for it. */
export interface AccountRefusal {
  outcome: 'refused';
  reason:
    | 'login_taken'
    | 'invalid_login'
    | 'invalid_claims'
    | 'unacceptable_password'
    | 'busy'
    /** The condition under which the change was to be made did not hold. */
    | 'condition_failed';
  /** One sentence, safe to show; it never repeats a password. */
  description: string;
  /** The claim that was refused, when one was. */
  claim?: string;
  /** Which rule for passwords was broken, when one was: see PasswordRules. */
  rule?: string;
}

/**
 * Asked inside the change's own transaction, before the change is made: what it finds then still holds, and what it writes
 * itself is kept with the change. It must await nothing but queries.
 */
export type ChangeCondition = (transaction: DirectoryTransaction, now: number) => Promise<boolean>;

/** The same for a person who is about to get this subject identifier. */
export type CreationCondition = (
  transaction: DirectoryTransaction,
  now: number,
  sub: string,
) => Promise<boolean>;

export interface NewAccount {
  /** Default: the claim `email`. */
  login?: string;
  /** Without one the person cannot sign in by password until one is set. */
  password?: string;
  /** Claims by OpenID Connect names; `email_verified` defaults to false when there is an email. */
  claims?: Record<string, unknown>;
  disabled?: boolean;
}

export interface AccountChange {
  login?: string;
  /** Merged into the present claims; null removes one. A new email is unverified unless the change says otherwise. */
  claims?: Record<string, unknown>;
}

/** People as an operator manages them. Every change is seen by all processes with their next request. */
export interface AccountDirectory {
  create(
    account: NewAccount,
    condition?: CreationCondition,
  ): Promise<{ outcome: 'created'; account: AccountRecord } | AccountRefusal>;
  /** In order of logins, at most 200 at once (default 50); `after` is the `next` of the page before. */
  list(page?: { limit?: number; after?: string }): Promise<{ accounts: AccountRecord[]; next?: string }>;
  /** By subject identifier, else by login. */
  show(subOrLogin: string): Promise<AccountRecord | undefined>;
  update(sub: string, change: AccountChange): Promise<AccountUpdate>;
  /** Emits account.ended, also for a person who is disabled already. */
  disable(sub: string): Promise<AccountUpdate>;
  enable(sub: string): Promise<AccountUpdate>;
  /** Emits account.ended. The subject identifier never comes back. */
  delete(
    sub: string,
    condition?: ChangeCondition,
  ): Promise<{ outcome: 'deleted' } | { outcome: 'not_found' | 'condition_failed' }>;
  setPassword(sub: string, password: string, condition?: ChangeCondition): Promise<AccountUpdate>;
  /** Marks the person's e-mail address as verified, if it still is this one: else `condition_failed`. */
  verifyEmail(sub: string, email: string, condition?: ChangeCondition): Promise<AccountUpdate>;
  /**
   * Puts a verified address in the place of another, if that still is the person's: else `condition_failed`. A login that is the
   * address follows it; `login_taken` when somebody else has the new one.
   */
  changeEmail(
    sub: string,
    change: { from: string | undefined; to: string },
    condition?: ChangeCondition,
  ): Promise<AccountUpdate>;
}

export type AccountUpdate =
  | { outcome: 'updated'; account: AccountRecord }
  | { outcome: 'not_found' }
  | AccountRefusal;
