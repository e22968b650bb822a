/** The application that asks, from its registered metadata (RFC 7591 section 2). None of it is trusted. */
export interface ClientView {
  /** `client_name`, or the `client_id` where it has none. */
  name: string;
  /** `logo_uri`; shown only when it is https. The page's `img-src` must then allow its origin. */
  logoUri?: string | undefined;
  /** `client_uri`: the application's home page; linked only when it is http or https. */
  uri?: string | undefined;
  /** `policy_uri`, linked from the consent page. */
  policyUri?: string | undefined;
  /** `tos_uri`, linked from the consent page. */
  tosUri?: string | undefined;
}

/** The person as the pages name them. */
export interface AccountView {
  /** What the person types to sign in. */
  login: string;
  /** A display name, where the account has one. */
  name?: string | undefined;
}

/** Hidden field `csrf` of each form that Latchkey itself receives. */
export interface FormView {
  csrfToken: string;
}
