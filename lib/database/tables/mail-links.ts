/** Links that were sent by mail and have not been used yet. */
export interface MailLinksTable {
  /** SHA-256 of the link's random part, in base64url: whoever reads the table cannot follow a link. */
  digest: string;
  /** What the link may be used for, and nothing else. */
  purpose: string;
  /** Subject identifier of the person; null where there is none yet. */
  account: string | null;
  /** Sealed JSON, whose meaning is the purpose's. */
  details: Uint8Array;
  /** Unix time, ms. */
  created_at: number;
  expires_at: number;
}
