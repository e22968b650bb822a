/** Sign-ins that applications asked for and that people are to confirm (OpenID Connect CIBA). */
export interface AuthenticationRequestsTable {
  /** What the person's page names it by: not the `auth_req_id` that its application has. */
  id: string;
  /** Subject identifier of the person. */
  sub: string;
  /** Sealed JSON: the `auth_req_id`, and what the application said of it. */
  details: Uint8Array;
  /** Unix time, ms. */
  created_at: number;
  expires_at: number;
}
