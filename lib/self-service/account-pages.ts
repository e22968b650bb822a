import type Koa from 'koa';
import type {
  PasskeyRegistrationRefusal,
  PasskeySignals,
} from '../authentication/passkeys/passkey-registration.ts';
import type { Passkey } from '../authentication/passkeys/passkeys.ts';
import type { RememberedDevice } from '../authentication/second-factors/remembered-devices.ts';
import type { PersonFactors } from '../authentication/second-factors/second-factors.ts';
import type { TotpEnrolment } from '../authentication/second-factors/totp.ts';
import type { StoredClient } from '../clients/clients.ts';
import type { LinkForm } from '../interactions/mail-link-pages.ts';
import type { UpstreamProblem } from '../interactions/upstream-pages.ts';
import type { PendingAuthenticationRequest } from '../provider/devices/authentication-request-desk.ts';
import type { LinkedIdentity } from '../upstream/upstream-identities.ts';
import type { ActivityEntry } from './account-activity.ts';
import type { SignedInPerson } from './signed-in-person.ts';

/** Why an account elsewhere was not connected; or not disconnected, since it is the `last` way to sign in. */
export type IdentityProblem = Exclude<UpstreamProblem, 'disabled'> | 'taken' | 'last';

/** What a page must say about a former attempt. */
export type AccountProblem =
  | { kind: 'form-rejected' }
  | { kind: 'unavailable' }
  | { kind: 'throttled'; retryAfter: number }
  /** Nothing that could be an address. */
  | { kind: 'invalid' }
  /** The address that they have already. */
  | { kind: 'unchanged' }
  /** One of another mail domain than they may have. */
  | { kind: 'domain' }
  /** Which rule for passwords was broken: see PasswordRules. */
  | { kind: 'password'; rule: string }
  | { kind: 'wrong-password' }
  /** A code is wrong; or its page too old to be confirmed. */
  | { kind: 'refused' }
  | { kind: 'expired' }
  /** A passkey was not made; or not removed, since it is the `last` way to sign in. */
  | { kind: 'passkey'; reason: PasskeyRegistrationRefusal | 'last' }
  /** `provider`: its name. */
  | { kind: 'identity'; reason: IdentityProblem; provider: string; reference: string | undefined }
  /** A value that this field cannot have. */
  | { kind: 'claim'; claim: string }
  /** The application demands a stronger sign-in than the person has set up; `setUp`: what they could set up first. */
  | { kind: 'assurance'; client: StoredClient; setUp: 'passkeys' | 'two-step' | undefined };

/** A session of the person, on some device. */
export interface SessionEntry {
  uid: string;
  userAgent: string | undefined;
  address: string | undefined;
  /** Unix time, ms. */
  signedInAt: number | undefined;
  usedAt: number | undefined;
  current: boolean;
}

/** What the person allowed an application, in all sessions together. */
export interface ApplicationEntry {
  clientId: string;
  identityScopes: string[];
  /** By the API's identifier. */
  apiScopes: Record<string, string[]>;
  /** Unix time, ms. */
  since: number;
  usedAt: number | undefined;
}

/** What each page of a signed-in person is told, beside whose it is and what came of a former attempt. */
export interface AccountPageModels {
  account: Record<string, never>;
  'account-profile': { values: Readonly<Record<string, string>> };
  /** `asksCurrent`: the sign-in is too long ago to do without the present password. */
  'account-password': { asksCurrent: boolean };
  /** `signals`: for the person's own authenticators. */
  'account-passkeys': { passkeys: Passkey[]; signals: PasskeySignals };
  /** `issuers`: where the forms may lead to. */
  'account-identities': {
    identities: (LinkedIdentity & { id: string })[];
    providers: { id: string; name: string }[];
    issuers: string[];
  };
  'account-two-step': { factors: PersonFactors; devices: RememberedDevice[] };
  'account-two-step-app': { enrolment: TotpEnrolment };
  'account-recovery-codes': { codes: string[] };
  'account-email': { typed: string; allowedDomains: readonly string[] };
  'account-sessions': { sessions: SessionEntry[] };
  'account-applications': { applications: ApplicationEntry[] };
  'account-requests': { requests: PendingAuthenticationRequest[] };
  'account-activity': { entries: ActivityEntry[] };
  'account-data': Record<string, never>;
  'account-delete': { days: number };
}

/** The pages of this room, drawn by lib/http. The status is the caller's. */
export interface AccountPages {
  draw<Page extends keyof AccountPageModels>(
    ctx: Koa.Context,
    page: Page,
    person: SignedInPerson,
    model: AccountPageModels[Page],
    problem?: AccountProblem,
  ): Promise<void>;
  /** The page of a link that a mail brought to the new address; whoever has it need not be signed in. */
  confirmEmail(ctx: Koa.Context, form: LinkForm & { login: string; email: string }): void;
}

/** What the forms of a signed-in person are protected by: a session's uid, which only its browser is told. */
export const accountFormPurpose = (sessionUid: string): string => `account:${sessionUid}`;
