import type { Account } from './account.ts';
import type { AccountDirectory } from './account-directory.ts';

export type { Account } from './account.ts';

export type PasswordVerification =
  | { outcome: 'verified'; account: Account }
  | { outcome: 'refused'; reason: 'unknown' | 'wrong_password' | 'disabled' | 'locked' | 'password_expired' }
  /** The proof could not be judged: the user base is unreachable or too busy. Never means a wrong password. `cause` is for the log. */
  | { outcome: 'unavailable'; cause?: Error };

/**
 * The contract by which Latchkey knows people. Every adapter is held to
 * test/accounts/account-adapter-contract.ts.
 */
export interface AccountAdapter {
  /** The person with this subject identifier, disabled ones included. Throws AccountsUnavailable. */
  findBySub(sub: string): Promise<Account | undefined>;
  /** The person with this login in whatever spelling, disabled ones included. Throws AccountsUnavailable. */
  findByLogin(login: string): Promise<Account | undefined>;
  /**
   * Checks a login with a password. `disabled` and `password_expired` are told only to who knows the password, `locked` (by
   * the user base's own count of failures) to anybody; and an unknown login costs the same work as a known one. Throws nothing for
   * want of the user base: that is `unavailable`.
   */
  verifyPassword(login: string, password: string): Promise<PasswordVerification>;
  /** The claims that these scopes release (OpenID Connect Core §5.4), `sub` included. */
  claimsFor(account: Account, scopes: ReadonlySet<string>): Promise<Record<string, unknown>>;
  /** Present when people are managed here; absent when they are managed elsewhere. */
  readonly directory?: AccountDirectory;
  /** Closes its connections, where it has some of its own. */
  close?(): Promise<void>;
}

/** The user base cannot answer now. The HTTP layer answers 503; it must never be read as "no such person". */
export class AccountsUnavailable extends Error {
  override name = 'AccountsUnavailable';
}
