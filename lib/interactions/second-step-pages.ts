import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { PasskeyRegistrationRefusal } from '../authentication/passkeys/passkey-registration.ts';
import type { PersonFactors, SecondWay } from '../authentication/second-factors/second-factors.ts';
import type { TotpEnrolment } from '../authentication/second-factors/totp.ts';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';

/** What a page that takes a code must say about a former attempt. */
export type CodeProblem =
  | { kind: 'refused' }
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'unavailable' }
  | { kind: 'form-rejected' }
  /** The page is too old to confirm what it shows. */
  | { kind: 'expired' };

/** What the page that makes a passkey must say about a former attempt. */
export type NewPasskeyProblem = PasskeyRegistrationRefusal | 'form-rejected';

/** What every page of a second step is about. */
export interface SecondStepState {
  account: Account;
  /** `PendingInteraction.proved.id`, which the form brings back as `proof`. */
  proof: string;
  problem?: CodeProblem | undefined;
}

/** The pages of the second step, drawn by lib/http. The status is the caller's. */
export interface SecondStepPages {
  /** Asks for one way; `ways` are all that would do. `sent`: a code is on its way by mail; `added`: the passkey has just been made. */
  secondStep(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: SecondStepState & {
      way: SecondWay;
      ways: SecondWay[];
      factors: PersonFactors;
      sent: boolean;
      added: boolean;
    },
  ): void;
  /** Has the person set up an authenticator app; `orPasskey`: a passkey would do as well. */
  enrol(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: SecondStepState & { enrolment: TotpEnrolment; orPasskey: boolean },
  ): Promise<void>;
  /**
   * Has the person make a passkey. `isStale`: once they have proved themselves anew; `isDemanded`: the request demands it, and is refused when they give up; `hasPasskeys`: those
   * that they have are not enough; `orApp`: an authenticator app would do as well.
   */
  setUpPasskey(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: Omit<SecondStepState, 'problem'> & {
      problem: NewPasskeyProblem | undefined;
      isStale: boolean;
      isDemanded: boolean;
      hasPasskeys: boolean;
      orApp: boolean;
    },
  ): void;
  /** Nothing that the person could do here would be enough. */
  unreachable(ctx: Koa.Context, interaction: PendingInteraction, state: SecondStepState): void;
  /** Shows recovery codes, this once; none: they were shown already, and the person is told where to make others. */
  recoveryCodes(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: SecondStepState & { codes: string[] },
  ): void;
}
