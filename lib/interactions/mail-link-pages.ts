import type Koa from 'koa';
import type { PendingInteraction } from '../provider/sign-in/interaction.ts';
import type { AskProblem, LinkProblem, LinkResult } from './mail-link-outcomes.ts';

/** A page's form that acts on a link. */
export interface LinkForm {
  action: string;
  /** The link's random part. */
  secret: string;
  problem?: LinkProblem | undefined;
}

/** The pages around links that are sent by mail, drawn by lib/http. The status is the caller's. */
export interface MailLinkPages {
  askReset(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { login: string; problem?: AskProblem | undefined },
  ): void;
  askRegister(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { email: string; problem?: AskProblem | undefined },
  ): void;
  mailSent(ctx: Koa.Context, interaction: PendingInteraction, kind: 'reset' | 'register'): void;
  choosePassword(ctx: Koa.Context, form: LinkForm & { login: string }): void;
  /** `interaction`: the one that goes on with it, in this browser. */
  completeRegistration(
    ctx: Koa.Context,
    form: LinkForm & { email: string; name: string; interaction: PendingInteraction | undefined },
  ): void;
  verifyEmail(ctx: Koa.Context, form: LinkForm & { email: string }): void;
  /** `clientId`: where the person came from, if it is known. */
  linkResult(ctx: Koa.Context, result: LinkResult, clientId?: string): Promise<void>;
}

/** What a mail says, in one language. */
export interface MailText {
  subject: string;
  text: string;
  html: string;
}

export type MailKind =
  | 'reset'
  | 'register'
  | 'already-registered'
  | 'verify-email'
  | 'invitation'
  | 'sign-in-code'
  | 'sign-in-request'
  | 'change-email'
  | 'change-email-taken'
  | SecurityMail;

/** Mails that tell a person what happened to their account. Each also is a kind of its activity. */
export type SecurityMail =
  | 'password-changed'
  | 'email-change-asked'
  | 'email-changed'
  | 'deletion-asked'
  | 'deletion-cancelled'
  | 'account-deleted'
  | 'two-step-added'
  | 'two-step-removed'
  | 'recovery-codes-made'
  | 'recovery-code-used'
  | 'passkey-added'
  | 'passkey-removed'
  | 'passkey-copied'
  | 'identity-linked'
  | 'identity-unlinked';

/** The texts of mails, written by lib/http. */
export interface MailTexts {
  /** The language of a mail: `accountLocale`, else that of the pages of whoever sent this request, if anybody did. */
  localeFor(ctx: Koa.Context | undefined, accountLocale?: unknown, uiLocales?: unknown): string;
  /** `url` or `code`, and how long (s) it is good for, where the mail carries one; `at` (Unix time, ms), where it names a moment. */
  compose(
    kind: MailKind,
    locale: string,
    details?:
      | { url: string; seconds: number }
      | { code: string; seconds: number }
      | { at: number }
      | { at: number; url: string },
  ): MailText;
}
