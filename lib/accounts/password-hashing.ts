/** How passwords become hashes. lib/authentication implements it; this room only stores what it returns. */
export interface PasswordHasher {
  /** The hash to store, or `busy` when too many wait already. */
  hash(password: string): Promise<{ outcome: 'hashed'; hash: string } | { outcome: 'busy' }>;
  /** `undefined` as the hash does the same work against a hash that nothing matches. */
  verify(hash: string | undefined, password: string): Promise<'match' | 'mismatch' | 'busy'>;
  /** Whether the hash was made with other parameters than those in force. */
  needsRehash(hash: string): boolean;
}

/** Which passwords a person may choose. lib/authentication implements it. */
export interface PasswordRules {
  judge(
    password: string,
    person: { login: string; email?: string },
  ): Promise<{ outcome: 'accepted' } | { outcome: 'refused'; reason: string; description: string }>;
}
