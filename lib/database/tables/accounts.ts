/** People. */
export interface AccountsTable {
  /** The subject identifier: random, never reused, never equal to a client_id. */
  sub: string;
  /** Canonical form of the login, unique. */
  login: string;
  /** 1 when disabled. */
  disabled: number;
  /** Claims by OpenID names as a JSON object (email, email_verified, name, …). */
  claims: string;
  /** Unix time, ms. */
  created_at: number;
  updated_at: number;
}

/** Password hashes, one a person at most. */
export interface PasswordsTable {
  sub: string;
  /** argon2id in PHC string form. */
  hash: string;
  changed_at: number;
}
