/** Applications (relying parties). */
export interface ClientsTable {
  client_id: string;
  /** RFC 7591 metadata as JSON, without client_secret. */
  metadata: string;
  /** SHA-256 digest of a generated secret; null for public clients. */
  secret_digest: string | null;
  /** The secret itself, sealed, only where a MAC needs it (client_secret_jwt, HS256 signatures). */
  secret_sealed: Uint8Array | null;
  /** Who registered it: 'operator', or 'registration' when it did so itself (RFC 7591). */
  origin: string;
  /** SHA-256 digest of the token by which it manages its registration (RFC 7592); null when it cannot. */
  registration_token_digest: string | null;
  /** Unix time, ms, to the day; kept for those that registered themselves, null before the first use. */
  last_used_at: number | null;
  /** Unix time, ms. */
  created_at: number;
  updated_at: number;
}

/** Tokens that let somebody register an application (RFC 7591 §1.2, initial access token). */
export interface RegistrationTokensTable {
  /** What the operator calls it by; gives no access. */
  id: string;
  /** SHA-256 digest of the token. */
  digest: string;
  label: string | null;
  uses: number;
  /** Null: as often as anybody likes. */
  maximum_uses: number | null;
  /** Unix time, ms. */
  created_at: number;
  expires_at: number;
}

/** Client ID metadata documents as they were fetched last. */
export interface ClientDocumentsTable {
  /** The https URL that is both its address and the client_id. */
  client_id: string;
  /** The last one that could be used, checked, as JSON; null when there was none. */
  metadata: string | null;
  /** Why the client cannot be used now; null when it can. */
  problem: string | null;
  /** Unix time, ms. */
  first_seen_at: number;
  fetched_at: number;
  /** Until then nobody asks for it anew. */
  fresh_until: number;
  /** Until then it counts although its address does not answer. */
  stale_until: number;
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
  /** JSON object: definitions of types of authorization details, by name. */
  authorization_details_types: string;
  /** 'jwt' or 'opaque'. */
  token_format: string;
  /** JWS algorithm of JWT access tokens. */
  algorithm: string;
  /** Lifetime of access tokens in seconds; null means the configured default. */
  lifetime: number | null;
  created_at: number;
  updated_at: number;
}
