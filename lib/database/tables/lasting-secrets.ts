/** Secrets that must never change, sealed with the encryption key. */
export interface LastingSecretsTable {
  name: string;
  sealed: Uint8Array;
  /** Unix time, ms. */
  created_at: number;
}
