/** Browsers that a person has signed in with, whose attempts are counted by themselves. */
export interface KnownBrowsersTable {
  /** SHA-256 of what the browser's cookie holds, in base64url. */
  digest: string;
  sub: string;
  /** A keyed digest of what the person signs in with. */
  login: string;
  /** Unix time, ms. */
  created_at: number;
  expires_at: number;
}
