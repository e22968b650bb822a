/** The application that asks, from its registered metadata (RFC 7591 section 2). None of it is trusted. */
export interface ClientView {
  /** `client_name`, or the `client_id` where it has none. */
  name: string;
  /** `logo_uri`; shown only when it is https, and no operator has to vouch for it first. The page's `img-src` allows exactly it. */
  logoUri?: string | undefined;
  /** `client_uri`: the application's home page; linked only when it is http or https. */
  uri?: string | undefined;
  /** `policy_uri`, linked from the consent page. */
  policyUri?: string | undefined;
  /** `tos_uri`, linked from the consent page. */
  tosUri?: string | undefined;
  /** `accent_color`, `#rrggbb`: takes the place of the installation's on this application's pages. */
  accentColor?: string | undefined;
  /** What is different in other languages, by BCP 47 tag (`client_name#de` and so on); the renderer has put it in place. */
  translations?: Readonly<Record<string, ClientTranslation>> | undefined;
  /** That no operator has vouched for it: it registered itself, or is known by a document at `host`. */
  unverified?: { host?: string | undefined } | undefined;
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

/** One API whose access is asked for (RFC 8707). */
export interface ConsentApi {
  /** Display name, or the identifier where it has none. */
  name: string;
  scopes: { name: string; description?: string | undefined }[];
}

/** What an application calls itself, and where its pages are, in one language (OpenID Connect Registration section 2.1). */
export type ClientTranslation = Partial<
  Pick<ClientView, 'name' | 'logoUri' | 'uri' | 'policyUri' | 'tosUri'>
>;

/** The form by which somebody chooses the language; fields `csrf`, `return_to`, and `language` by the button pressed. */
export interface LanguageSwitchView {
  action: string;
  csrfToken: string;
  /** Path and query of the page that the form is on. */
  returnTo: string;
}
