/** Authenticator apps (RFC 6238), one a person at most. */
export interface TotpSecretsTable {
  sub: string;
  /** The secret, sealed for this person. */
  sealed: Uint8Array;
  /** The time step of the last code that was accepted: neither it nor an earlier one is accepted again. */
  last_step: number;
  /** Unix time, ms. */
  created_at: number;
}

/** Recovery codes that have not been used. */
export interface RecoveryCodesTable {
  /** SHA-256 of the person and the code, in base64url. */
  digest: string;
  sub: string;
  created_at: number;
}

/** Codes that were sent by mail and can still be typed. */
export interface MailCodesTable {
  /** Where it can be typed: one sign-in, in one browser. */
  id: string;
  sub: string;
  /** A MAC of the code: a code is too short for a mere digest. */
  digest: string;
  attempts_left: number;
  expires_at: number;
}

/** Browsers that a person's second factor was proved in, and need not be again for a while. */
export interface RememberedDevicesTable {
  /** SHA-256 of what the browser's cookie holds, in base64url. */
  digest: string;
  sub: string;
  user_agent: string;
  created_at: number;
  used_at: number;
  expires_at: number;
}

/** The tables above: what goes with a person. */
export const SECOND_FACTOR_TABLES = [
  'totp_secrets',
  'recovery_codes',
  'mail_codes',
  'remembered_devices',
] as const;
