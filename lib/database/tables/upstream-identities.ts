/** Who people are at other OpenID providers. */
export interface UpstreamIdentitiesTable {
  /** With the subject the key: what another provider says of somebody is of its own people alone. */
  issuer: string;
  /** Its `sub`. */
  subject: string;
  /** Subject identifier of the person, who may be kept elsewhere. */
  sub: string;
  /** The provider's name in the configuration, when it was last used. */
  provider: string;
  /** What the person knows it by: an address or a name, as the provider told it. */
  label: string;
  /** Unix time, ms. */
  created_at: number;
  last_used_at: number | null;
}

/** Sessions at other providers in which somebody signed in here. */
export interface UpstreamSessionsTable {
  /** SHA-256 of the issuer and its `sid`, base64url. */
  digest: string;
  /** Whose sign-in here it was: a subject identifier. */
  sub: string;
  /** Unix time, ms. */
  expires_at: number;
}

/** The tables above: what goes with a person. */
export const UPSTREAM_TABLES = ['upstream_identities', 'upstream_sessions'] as const;
