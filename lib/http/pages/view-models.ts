/**
 * What each page is told. A caller fills one of these and names the page; everything in words, and all escaping,
 * is the page's own business. Text that an application or a person chose is passed as it is, never escaped beforehand.
 */
import type {
  AccountActivityView,
  AccountApplicationsView,
  AccountDataView,
  AccountDeleteView,
  AccountEmailConfirmView,
  AccountEmailView,
  AccountHomeView,
  AccountPasskeysView,
  AccountPasswordView,
  AccountProfileView,
  AccountRequestsView,
  AccountSessionsView,
} from './account-views.ts';
import type { DeviceConfirmView, DeviceEndedView, DeviceView } from './device-views.ts';
import type {
  ChoosePasswordView,
  CompleteRegistrationView,
  LinkResultView,
  MailSentView,
  RegisterView,
  ResetView,
  VerifyEmailView,
} from './mail-link-views.ts';
import type {
  RecoveryCodesView,
  SecondStepView,
  SetUpPasskeyView,
  SetUpTwoStepView,
  UnreachableView,
} from './second-step-views.ts';
import type { ConsentView, LoginView, SelectAccountView } from './sign-in-views.ts';
import type {
  AccountRecoveryCodesView,
  AccountTwoStepAppView,
  AccountTwoStepView,
} from './two-step-views.ts';
import type { AccountIdentitiesView, ConnectView, UpstreamProblemView } from './upstream-views.ts';
import type { AccountView, ClientView } from './view-parts.ts';

export type { AccountView, ClientView, ConsentApi } from './view-parts.ts';

/** `/`: what this server is, for somebody who came by hand. */
export interface HomeView {
  /** The issuer identifier. */
  issuer: string;
  /** Address of the OpenID discovery document. */
  discoveryUrl: string;
  /** Who is signed in at this browser; absent when nobody is or it is not known. */
  account?: AccountView | undefined;
  /** Where the person manages their account. */
  accountUrl?: string | undefined;
  /** Where a signed-in person signs out (the end-session endpoint). */
  logoutUrl?: string | undefined;
}

/**
 * Logout confirmation (RP-Initiated Logout 1.0 section 2). The engine receives the form itself: fields `xsrf`, and
 * `logout=yes` from `#confirm` only. Without it the engine still ends the asking application's own part of the session.
 */
export interface LogoutView {
  /** The engine's `end_session_confirm` address. */
  action: string;
  /** The secret the engine keeps in `session.state`. */
  xsrf: string;
  client?: ClientView | undefined;
  account?: AccountView | undefined;
  /** The form that was sent is not known, or not any more: nobody was signed out. */
  problem?: { kind: 'form-rejected' } | undefined;
}

/** What a log-out has come to, where no other place to return to was given. */
export interface LoggedOutView {
  client?: ClientView | undefined;
  /** There where the person has stayed signed in here; the account where the user base answers. */
  stayed?: { account?: AccountView | undefined; accountUrl: string } | undefined;
  /** Addresses that hidden frames load, to tell applications of the logout. */
  frames?: string[] | undefined;
  /** Where the application that asked for the logout wants its people. */
  continueTo?: string | undefined;
  /** The provider at which the person may still be signed in, and where they sign out there. */
  upstream?: { provider: string; url: string } | undefined;
}

/** Any error that is shown to a person. */
export interface ErrorView {
  /** The response's HTTP status; 500 and above blames the server, anything else the request. */
  status: number;
  /**
   * An OAuth error code (`invalid_request`) or one of `not_found`, `method_not_allowed`, `payload_too_large`,
   * `too_many_requests`, `form_rejected`, `session_changed`. One without words of its own gets the general ones.
   */
  error: string;
  /** `error_description`, only where the protocol would tell it to the client; shown under “for developers”. */
  description?: string | undefined;
  /** What the operator looks the case up with. */
  reference?: string | undefined;
  client?: ClientView | undefined;
}

/** A page of an interaction that is over, or never was. */
export interface ExpiredView {
  /**
   * `completed`: Back button after the end, or it took too long; `changed`: somebody signed out, or in as another;
   * `unknown`: a bookmark, another browser, or no cookies.
   */
  reason: 'completed' | 'changed' | 'unknown';
  client?: ClientView | undefined;
  /** Where sign-in begins anew: `initiate_login_uri` with `iss` appended; else `client.uri` is offered. */
  startUri?: string | undefined;
}

/** A form that came from elsewhere, to be sent once more from here (see posted-requests.ts). */
export interface ContinueView {
  action: string;
  /** Names and values, in their order; a name may come twice. */
  fields: ReadonlyArray<readonly [string, string]>;
}

/** The pages by the name that `<body data-page>` carries. */
export interface ViewModels {
  home: HomeView;
  login: LoginView;
  consent: ConsentView;
  'select-account': SelectAccountView;
  logout: LogoutView;
  'logged-out': LoggedOutView;
  error: ErrorView;
  expired: ExpiredView;
  device: DeviceView;
  'device-confirm': DeviceConfirmView;
  'device-ended': DeviceEndedView;
  continue: ContinueView;
  reset: ResetView;
  register: RegisterView;
  'mail-sent': MailSentView;
  'choose-password': ChoosePasswordView;
  'complete-registration': CompleteRegistrationView;
  'verify-email': VerifyEmailView;
  'link-result': LinkResultView;
  account: AccountHomeView;
  'account-profile': AccountProfileView;
  'account-email': AccountEmailView;
  'account-email-confirm': AccountEmailConfirmView;
  'account-password': AccountPasswordView;
  connect: ConnectView;
  'upstream-problem': UpstreamProblemView;
  'account-passkeys': AccountPasskeysView;
  'account-identities': AccountIdentitiesView;
  'account-two-step': AccountTwoStepView;
  'account-two-step-app': AccountTwoStepAppView;
  'account-recovery-codes': AccountRecoveryCodesView;
  'account-sessions': AccountSessionsView;
  'account-applications': AccountApplicationsView;
  'account-requests': AccountRequestsView;
  'account-activity': AccountActivityView;
  'account-data': AccountDataView;
  'account-delete': AccountDeleteView;
  'second-step': SecondStepView;
  'set-up-two-step': SetUpTwoStepView;
  'set-up-passkey': SetUpPasskeyView;
  'recovery-codes': RecoveryCodesView;
  unreachable: UnreachableView;
}

/** A page's name. */
export type PageName = keyof ViewModels;

/** Every page; also the list of templates there must be. */
export const PAGE_NAMES: readonly PageName[] = [
  'home',
  'login',
  'consent',
  'select-account',
  'logout',
  'logged-out',
  'error',
  'expired',
  'device',
  'device-confirm',
  'device-ended',
  'continue',
  'reset',
  'register',
  'mail-sent',
  'choose-password',
  'complete-registration',
  'verify-email',
  'link-result',
  'connect',
  'upstream-problem',
  'account',
  'account-identities',
  'account-profile',
  'account-email',
  'account-email-confirm',
  'account-password',
  'account-passkeys',
  'account-two-step',
  'account-two-step-app',
  'account-recovery-codes',
  'account-sessions',
  'account-applications',
  'account-requests',
  'account-activity',
  'account-data',
  'account-delete',
  'second-step',
  'set-up-two-step',
  'set-up-passkey',
  'recovery-codes',
  'unreachable',
];

/**
 * The version of what templates are told, `it.version`. A new page, a new optional field and a new value of a kind leave it as it is;
 * a field that goes, changes its name or its meaning, or becomes required raises it (docs/pages.md).
 */
export const VIEW_MODEL_VERSION = 1;

/** How the pages are dressed; `branding` of the configuration. */
export interface Branding {
  name: string;
  /** https URL, or a path on this server. */
  logoUrl?: string | undefined;
  /** `#rrggbb` */
  accentColor?: string | undefined;
  /** Terms of use, linked below every page. */
  termsUrl?: string | undefined;
  /** Privacy policy, linked below every page. */
  privacyUrl?: string | undefined;
}
