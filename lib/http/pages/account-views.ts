import type { AccountView, ClientView, ConsentApi, FormView } from './view-parts.ts';

/** What an account page must say about a former attempt; see AccountProblem. */
export type AccountViewProblem =
  | { kind: 'form-rejected' }
  | { kind: 'unavailable' }
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'invalid' }
  | { kind: 'unchanged' }
  | { kind: 'domain' }
  | { kind: 'password'; rule: string }
  | { kind: 'wrong-password' }
  | { kind: 'refused' }
  | { kind: 'expired' }
  | { kind: 'passkey'; reason: string }
  | { kind: 'identity'; reason: string; provider: string; reference?: string | undefined }
  | { kind: 'claim'; claim: string }
  /** `setUp`: what the person could set up first. */
  | { kind: 'assurance'; client: string; setUp?: 'passkeys' | 'two-step' | undefined };

/** What all pages of a signed-in person have in common. `csrf` is a hidden field of every form. */
export interface AccountFrame extends FormView {
  account: AccountView;
  /** IANA name of the person's time zone; moments are in UTC without one. */
  zone?: string | undefined;
  /** The page's name in the navigation; the addresses are those of the links there. */
  section: string;
  /** The sections there are, in their order. */
  sections: readonly { name: string; url: string }[];
  /** What has just been done: `account.done.<done>`. */
  done?: string | undefined;
  problem?: AccountViewProblem | undefined;
}

/** Overview. */
export interface AccountHomeView extends AccountFrame {
  email?: string | undefined;
  emailVerified: boolean;
  homeUrl: string;
  logoutUrl: string;
}

/** Profile. Fields sent to `/account/profile`: one for each of `fields`. */
export interface AccountProfileView extends AccountFrame {
  /** Claims by their OpenID names, in their order; `options` where one of these is to be chosen. */
  fields: readonly { claim: string; value: string; options?: readonly string[] | undefined }[];
  /** People are kept by another service: the page shows and changes nothing. */
  readOnly: boolean;
}

/** Password. Fields sent to `/account/password`: `current` where it is asked for, `password`. */
export interface AccountPasswordView extends AccountFrame {
  asksCurrent: boolean;
  minimumLength: number;
}

/** E-mail address. Field sent to `/account/email`: `email`. */
export interface AccountEmailView extends AccountFrame {
  email?: string | undefined;
  verified: boolean;
  typed: string;
  /** Mail domains of new addresses, beside that of the present one; all when empty. */
  allowedDomains?: readonly string[] | undefined;
}

/**
 * Passkeys. `credential` (JSON) and `name` are sent to `addAction`, `passkey` and `name` to `renameAction`, `passkey` to
 * `removeAction`. Reasons of a problem: `expired`, `known`, `too_many`, `unverified`, `not_allowed`, `invalid`, `last`.
 */
export interface AccountPasskeysView extends AccountFrame {
  passkeys: readonly {
    id: string;
    /** Empty: it has none. */
    name: string;
    /** Unix time, ms. */
    createdAt: number;
    usedAt?: number | undefined;
    /** When it last looked as if there were a copy of it. */
    copySuspectedAt?: number | undefined;
    /** Whether it is kept on several devices. */
    backedUp: boolean;
  }[];
  addAction: string;
  /** Where the browser gets what to make one with, as JSON, for `csrf`. */
  optionsUrl: string;
  renameAction: string;
  removeAction: string;
  /** JSON for the browser: what this server knows of the person's passkeys. */
  signals: string;
}

/** Sessions. Field sent to `/account/sessions/end`: `session`; `/account/sessions/end-others` has none. */
export interface AccountSessionsView extends AccountFrame {
  sessions: readonly {
    uid: string;
    userAgent?: string | undefined;
    address?: string | undefined;
    /** Unix time, ms. */
    signedInAt?: number | undefined;
    usedAt?: number | undefined;
    current: boolean;
  }[];
}

/** Applications with access. Field sent to `/account/applications/remove`: `application`. */
export interface AccountApplicationsView extends AccountFrame {
  applications: readonly {
    clientId: string;
    name: string;
    uri?: string | undefined;
    /** As those of `ClientView`. */
    translations?: ClientView['translations'];
    /** Unix time, ms. */
    since: number;
    usedAt?: number | undefined;
    identityScopes: readonly string[];
    apis: readonly ConsentApi[];
    offlineAccess: boolean;
  }[];
}

/** Sign-ins that wait for an answer. Field sent to `/account/requests/approve` and `/account/requests/deny`: `request`; to the
 * first `duration` as well (`month`, `year`), where nobody vouches for the application.
 */
export interface AccountRequestsView extends AccountFrame {
  requests: readonly {
    id: string;
    client: ClientView;
    /** What the other device shows, too. */
    bindingMessage?: string | undefined;
    identityScopes: readonly string[];
    identityClaims: readonly string[];
    apis: readonly ConsentApi[];
    offlineAccess: boolean;
    /** Unix time, ms. */
    createdAt: number;
    expiresAt: number;
  }[];
}

/** Recent activity. */
export interface AccountActivityView extends AccountFrame {
  entries: readonly {
    /** Unix time, ms. */
    at: number;
    kind: string;
    userAgent?: string | undefined;
    address?: string | undefined;
    application?: string | undefined;
  }[];
}

/** The person's data: export, and where deletion is asked for, if it can be. */
export interface AccountDataView extends AccountFrame {
  exportUrl: string;
  deleteUrl?: string | undefined;
}

/** Deletion. Sent to `/account/delete` without fields. */
export interface AccountDeleteView extends AccountFrame {
  /** Days in which the person can change their mind. */
  days: number;
}

/** Confirmation of a new address, by a link. Fields sent to `action`: `csrf`, `link`. */
export interface AccountEmailConfirmView extends FormView {
  action: string;
  link: string;
  email: string;
  login: string;
  problem?: { kind: string } | undefined;
}
