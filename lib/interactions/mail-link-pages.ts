import type Koa from 'koa';
import type { PendingInteraction } from '../provider/interaction.ts';

/** What a page that asks for an address must say about a former attempt. */
export type AskProblem =
  | { kind: 'throttled'; retryAfter: number }
  | { kind: 'unavailable' }
  | { kind: 'form-rejected' }
  /** Nothing that could be an address was typed. */
  | { kind: 'invalid' }
  /** People of this mail domain cannot register. */
  | { kind: 'domain' };

/** What a page that acts on a link must say about a former attempt. */
export type LinkProblem =
  | { kind: 'form-rejected' }
  | { kind: 'unavailable' }
  /** Which rule for passwords was broken: see PasswordRules. */
  | { kind: 'password'; rule: string }
  | { kind: 'name' };

/** A page's form that acts on a link. */
export interface LinkForm {
  action: string;
  /** The link's random part. */
  secret: string;
  problem?: LinkProblem | undefined;
}

/** How it ended. */
export type LinkResult =
  | 'password-changed'
  | 'registered'
  | 'already-registered'
  | 'email-verified'
  | 'expired';

/** The pages around links that are sent by mail, drawn by lib/http. The status is the caller's. */
export interface MailLinkPages {
  askReset(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { login: string; problem?: AskProblem },
  ): void;
  askRegister(
    ctx: Koa.Context,
    interaction: PendingInteraction,
    state: { email: string; problem?: AskProblem },
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
  | 'password-changed'
  | 'verify-email'
  | 'invitation';

/** The texts of mails, written by lib/http. */
export interface MailTexts {
  /** The language for whoever sent this request. */
  localeFor(ctx: Koa.Context, uiLocales?: unknown): string;
  /** `url` and how long (s) it is good for, where the mail carries a link. */
  compose(kind: MailKind, locale: string, link?: { url: string; seconds: number }): MailText;
}
