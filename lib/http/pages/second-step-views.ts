import type { PasskeyRequestView } from './passkey-views.ts';
import type { QrCode } from './qr-code.ts';
import type { ClientView, FormView } from './view-parts.ts';

/** What a page that takes a code must say about a former attempt. */
export type CodeViewProblem =
  | { kind: 'refused' }
  /** `retryAfter` in seconds. */
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'unavailable' }
  | { kind: 'form-rejected' }
  | { kind: 'expired' };

/** The ways to take a second step. */
export type WayName = 'passkey' | 'totp' | 'mail' | 'recovery-code';

/** What the pages of a second step have in common; `proof` is a hidden field of that name. */
interface SecondStepFrame extends FormView {
  proof: string;
  client: ClientView;
  /** Who signs in. */
  login: string;
  /** Target of `#switch`, “not you?”. */
  switchUrl: string;
  /** Target of the form with `#cancel` (fields: `csrf`). */
  cancelAction: string;
  forDevice?: boolean | undefined;
}

interface SecondStepForm extends SecondStepFrame {
  action: string;
}

/** The second step. Fields sent to `action`: `csrf`, `proof`, `way`, `code`, and `remember` = `yes`. */
export interface SecondStepView extends SecondStepForm {
  way: WayName;
  /** The other ways, each with its page. */
  others: { way: WayName; url: string }[];
  problem?: CodeViewProblem | undefined;
  /** Days that the browser can be remembered for; 0: not at all. */
  rememberDays: number;
  /** For `mail`: where the code goes, in part; whether one is on its way; and what sends one (fields: `csrf`, `proof`). */
  mail?: { to: string; sent: boolean; action: string } | undefined;
  /** For `recovery-code`. */
  codesLeft: number;
  /** For `passkey`. */
  passkey?: PasskeyRequestView | undefined;
  /** The passkey has just been made. */
  added?: boolean | undefined;
}

/** Setting up an authenticator app. Fields sent to `action`: `csrf`, `proof`, `sealed`, `code`. */
export interface SetUpTwoStepView extends SecondStepForm {
  qr: QrCode;
  /** The secret in base32, in groups. */
  secret: string;
  sealed: string;
  problem?: CodeViewProblem | undefined;
  /** Where a passkey is made instead, if one would do. */
  passkeyUrl?: string | undefined;
}

/** Making a passkey. Fields sent to `passkey.action`: `csrf`, `proof`, `credential` (JSON). */
export interface SetUpPasskeyView extends SecondStepFrame {
  /** Absent while the person must prove themselves anew, at `againUrl`. */
  passkey?: PasskeyRequestView | undefined;
  againUrl: string;
  /** They have passkeys, which are not enough. */
  hasPasskeys: boolean;
  /** Where an authenticator app is set up instead, if one would do. */
  appUrl?: string | undefined;
  /** Where people add passkeys on another device. */
  accountUrl: string;
  problem?: { kind: 'form-rejected' } | { kind: 'passkey'; reason: string } | undefined;
}

/** Recovery codes, shown once. Fields sent to `action`: `csrf`, `proof`. */
export interface RecoveryCodesView extends FormView {
  action: string;
  proof: string;
  /** None when they have been shown already, in another answer to the same form. */
  codes: readonly string[];
  /** Where others can be made, then. */
  accountUrl?: string | undefined;
}

/** Nothing that the person could do here is enough for the application. `action` takes them back to it (fields: `csrf`, `proof`). */
export type UnreachableView = SecondStepForm;
