/** Passkeys (WebAuthn credentials). Nothing of it is secret: the private keys are with the people. */
export interface PasskeysTable {
  /** As the authenticator chose it, in base64url. */
  credential_id: string;
  /** Subject identifier of the person, who may be kept elsewhere. */
  sub: string;
  /** What the authenticator knows the person by, in base64url. */
  user_handle: string;
  /** A COSE key. */
  public_key: Uint8Array;
  /** The signature counter; 0 where the authenticator has none. */
  counter: number;
  /** JSON array of ways in which the authenticator can be reached. */
  transports: string;
  /** Model of the authenticator; all zeros where it does not tell. */
  aaguid: string;
  /** 1 where the authenticator may keep it on several devices, and where it does. */
  backup_eligible: number;
  backed_up: number;
  /** 1 where its maker vouched for the authenticator, to the operator's satisfaction. */
  attested: number;
  /** What the person calls it. */
  name: string;
  /** Unix time, ms. */
  created_at: number;
  last_used_at: number | null;
  /** When its counter last did not grow. */
  copy_suspected_at: number | null;
}

/** Challenges that were answered and have not expired: none is answered twice. */
export interface AnsweredChallengesTable {
  /** SHA-256, base64url. */
  digest: string;
  /** Unix time, ms. */
  expires_at: number;
}
