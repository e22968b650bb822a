import type Koa from 'koa';
import type { Account } from '../accounts/account-adapter.ts';
import type { PasskeyRefusal } from '../authentication/passkeys/passkey-sign-in.ts';
import type { NoInteraction, PendingInteraction } from '../provider/sign-in/interaction.ts';

/** What the login page must say about a former attempt. */
export type LoginProblem =
  | { kind: 'refused' }
  | { kind: 'password-expired' }
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'unavailable' }
  | { kind: 'form-rejected' }
  /** `id`: the passkey that is none here, for the authenticator. */
  | { kind: 'passkey'; reason: PasskeyRefusal; id?: string };

/** What a page without fields must say about a former attempt. */
export interface StepState {
  /** The form did not come from our page; nothing was done. */
  formRejected: boolean;
}

/** The pages of this room, drawn by lib/http. Each sets headers and body; the status is the caller's. */
export interface InteractionPages {
  login(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { login: string; problem?: LoginProblem | undefined },
  ): void;
  consent(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    account: Account,
    state?: StepState,
  ): Promise<void>;
  selectAccount(ctx: Koa.Context, interaction: PendingInteraction, account: Account, state?: StepState): void;
  /** The interaction is over, was opened elsewhere, or was bookmarked. */
  expired(ctx: Koa.Context, reason: NoInteraction['reason']): Promise<void>;
}

/** Proof that a form was sent by the page we drew. */
export interface FormProtection {
  verify(ctx: Koa.Context, purpose: string): boolean;
}
