import type { PasskeyRequestView } from './passkey-views.ts';
import type { ConnectingView, ProviderButtons } from './upstream-views.ts';
import type { AccountView, ClientView, ConsentApi, FormView } from './view-parts.ts';

/** Why the last attempt to sign in did not succeed. */
export type LoginProblem =
  /** Wrong login or password; the page does not tell which. */
  | { kind: 'refused' }
  /** The password is right and has expired where people are kept: it is changed there. Told only to who knows it. */
  | { kind: 'password-expired' }
  /** Too many attempts; `retryAfter` in seconds, shown in minutes, rounded up. */
  | { kind: 'throttled'; retryAfter: number }
  /** Accounts cannot be checked at the moment. */
  | { kind: 'unavailable' }
  /** The form's `csrf` was missing or stale; nothing was checked. */
  | { kind: 'form-rejected' }
  /** A passkey was not taken; `id` is the one that is unknown here. */
  | { kind: 'passkey'; reason: 'expired' | 'unknown' | 'unverified' | 'copied' | 'refused'; id?: string };

/** Login. Fields sent to `action`: `csrf`, `login`, `password`. */
export interface LoginView extends FormView {
  action: string;
  /** Target of the form with `#cancel` (fields: `csrf`); absent: no such button. */
  cancelAction?: string | undefined;
  /** Who sent the person here; absent when they came for their own account. */
  client?: ClientView | undefined;
  /** What was typed last time, or a `login_hint`. */
  login?: string | undefined;
  problem?: LoginProblem | undefined;
  /** True when a signed-in person has to prove it again (`prompt=login`, `max_age`). */
  reauthentication?: boolean | undefined;
  /** Sign-in by passkey; absent: there is none. */
  passkey?: PasskeyRequestView | undefined;
  /** Where somebody goes who forgot their password; absent: no such link. */
  resetUrl?: string | undefined;
  /** Where somebody goes who has no account; absent: no such link. */
  registerUrl?: string | undefined;
  /** The person has just chosen a new password, by a link of a mail. */
  passwordChanged?: boolean | undefined;
  /** True when another device is to be let in: this browser returns to no application. */
  forDevice?: boolean | undefined;
  /** Other providers that the person may sign in at; absent: there is none. */
  upstream?: ProviderButtons | undefined;
  /** Who is linked with the account that signs in now. */
  connecting?: ConnectingView | undefined;
}

/** Authorization details for one API: each in words, by language. */
export interface ConsentDetails {
  api: string;
  texts: Record<string, string>[];
}

/** Consent. Both buttons send `csrf` only, to their own address. */
export interface ConsentView extends FormView {
  approveAction: string;
  denyAction: string;
  /** Target of `#switch`, “not you?”; absent: no such button. */
  switchAction?: string | undefined;
  client: ClientView;
  account: AccountView;
  /** Where the answer goes; only its host is shown, or that it is an app on this device. */
  redirectUri: string;
  /** True when the access is for another device, and there is no such place. */
  forDevice?: boolean | undefined;
  /** Scopes about the person (`openid`, `profile`, an operator's own); `offline_access` goes below. */
  identityScopes: string[];
  /** Single claims asked for with the `claims` parameter (OpenID Connect Core section 5.5). */
  identityClaims: string[];
  apis: ConsentApi[];
  /** Authorization details (RFC 9396), in words. */
  details?: ConsentDetails[] | undefined;
  /** Whether access lasts while the person is away (`offline_access`). */
  offlineAccess: boolean;
  /** The form's `csrf` was missing or stale; nothing was done. */
  formRejected?: boolean | undefined;
}

/** Account selection (`prompt=select_account`). Every button sends `csrf` only. */
export interface SelectAccountView extends FormView {
  continueAction: string;
  switchAction: string;
  cancelAction?: string | undefined;
  account: AccountView;
  client?: ClientView | undefined;
  /** True when another device is to be let in: this browser returns to no application. */
  forDevice?: boolean | undefined;
  /** The form's `csrf` was missing or stale; nothing was done. */
  formRejected?: boolean | undefined;
}
