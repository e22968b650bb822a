/** Applications (relying parties). */
export interface ClientsTable {
  client_id: string;
  /** RFC 7591 metadata as JSON, without client_secret. */
  metadata: string;
  /** SHA-256 digest of a generated secret; null for public clients. */
  secret_digest: string | null;
  /** The secret itself, sealed, only where a MAC needs it (client_secret_jwt, HS256 signatures). */
  secret_sealed: Uint8Array | null;
  /** Unix time, ms. */
  created_at: number;
  updated_at: number;
}

/** APIs (resource servers). */
export interface ApisTable {
  /** Absolute URI without fragment (RFC 8707 §2). */
  identifier: string;
  name: string | null;
  /** JSON array of scope names. */
  scopes: string;
  /** JSON object: what a scope allows, in words, by its name. */
  scope_descriptions: string;
  /** 'jwt' or 'opaque'. */
  token_format: string;
  /** JWS algorithm of JWT access tokens. */
  algorithm: string;
  /** Lifetime of access tokens in seconds; null means the configured default. */
  lifetime: number | null;
  created_at: number;
  updated_at: number;
}
