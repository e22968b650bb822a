import type { AccountFrame } from './account-views.ts';
import type { ClientView, FormView } from './view-parts.ts';

/** Buttons that lead to other providers. Field sent to `action`: `csrf`, and `provider` by the button that is pressed. */
export interface ProviderButtons {
  action: string;
  providers: readonly { id: string; name: string }[];
}

/** Somebody at another provider who is to be linked with whoever signs in here. */
export interface ConnectingView {
  /** The provider's name. */
  provider: string;
  /** What the person is called there. */
  label: string;
}

/** An identity at another provider that nobody here has yet. Field sent to `declineAction`: `csrf`. */
export interface ConnectView extends FormView, ConnectingView {
  /** Where the person proves an account here. */
  signInUrl: string;
  /** Where somebody goes who has no account; absent: no such link. */
  registerUrl?: string | undefined;
  declineAction: string;
  client?: ClientView | undefined;
  /** The form's `csrf` was missing or stale; nothing was done. */
  formRejected?: boolean | undefined;
}

/** A sign-in at another provider that came to nothing. Fields sent to `action`: `csrf`, `provider`. */
export interface UpstreamProblemView extends FormView {
  /** `denied`, `unreachable`, `untrusted`, `used`, `stale` or `disabled`. */
  reason: string;
  /** The provider's name. */
  provider: string;
  /** Tries again; absent where that would not help. */
  again?: { action: string; id: string } | undefined;
  /** Where the person signs in another way. */
  signInUrl: string;
  /** Target of the form with `#cancel` (fields: `csrf`). */
  cancelAction: string;
  client?: ClientView | undefined;
  /** True when another device is to be let in: this browser returns to no application. */
  forDevice?: boolean | undefined;
  reference?: string | undefined;
}

/**
 * Accounts elsewhere. Field sent to `connectAction`: `provider`; to `unlinkAction`: `identity`. Reasons of a problem: `denied`,
 * `unreachable`, `untrusted`, `used`, `stale`, `taken`, `last`.
 */
export interface AccountIdentitiesView extends AccountFrame {
  identities: readonly {
    id: string;
    provider: string;
    label: string;
    /** Unix time, ms. */
    createdAt: number;
    usedAt?: number | undefined;
  }[];
  providers: readonly { id: string; name: string }[];
  connectAction: string;
  unlinkAction: string;
}
