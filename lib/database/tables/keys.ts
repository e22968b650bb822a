/** Signing keys with their life. */
export interface SigningKeysTable {
  kid: string;
  algorithm: string;
  /** 'announced' | 'active' | 'retired'. */
  state: string;
  /** Public JWK as JSON. */
  public_jwk: string;
  /** Private key (PKCS#8 DER), sealed; null once retired and no longer able to sign, and where it is kept elsewhere. */
  private_key: Uint8Array | null;
  /** The key's name with whoever keeps its private part; null when that is here. */
  external_key: string | null;
  /** When such a key was withdrawn: it is no key any more, and does not come back. */
  withdrawn_at: number | null;
  /** Unix time, ms. */
  created_at: number;
  /** When it may become active. */
  activates_at: number;
  activated_at: number | null;
  retired_at: number | null;
  /** When it leaves the JWKS. */
  expires_at: number | null;
}

/** Leadership: who may do a periodic job, with a fencing token. */
export interface LeasesTable {
  name: string;
  holder: string;
  /** Grows with every change of holder. */
  fencing_token: number;
  expires_at: number;
}
