import type { AskProblem, LinkProblem, LinkResult } from '../../interactions/mail-link-outcomes.ts';
import type { ClientView, FormView } from './view-parts.ts';

/** Asks who forgot their password. Fields sent to `action`: `csrf`, `login`. */
export interface ResetView extends FormView {
  action: string;
  signInUrl: string;
  client?: ClientView | undefined;
  login?: string | undefined;
  problem?: AskProblem | undefined;
  /** Passwords are kept by another service: there is no form. */
  managedElsewhere?: boolean | undefined;
}

/** Asks for the address of a new account. Fields sent to `action`: `csrf`, `email`. */
export interface RegisterView extends FormView {
  action: string;
  signInUrl: string;
  client?: ClientView | undefined;
  email?: string | undefined;
  /** All when empty. */
  allowedDomains: readonly string[];
  problem?: AskProblem | undefined;
}

/** A mail is on its way, or is not: this page looks the same. */
export interface MailSentView {
  kind: 'reset' | 'register';
  /** How long the link is good for. */
  seconds: number;
  againUrl: string;
  signInUrl: string;
  client?: ClientView | undefined;
}

/** What the pages that a link opens have in common; `link` is a hidden field of that name. */
interface LinkFormView extends FormView {
  action: string;
  link: string;
  problem?: LinkProblem | undefined;
}

/** A new password, by a link. Fields sent to `action`: `csrf`, `link`, `password`. */
export interface ChoosePasswordView extends LinkFormView {
  login: string;
  /** Characters. */
  minimumLength: number;
}

/** The rest of a registration, by a link. Fields sent to `action`: `csrf`, `link`, `name`, `password`. */
export interface CompleteRegistrationView extends LinkFormView {
  email: string;
  name?: string | undefined;
  /** Characters. */
  minimumLength: number;
  /** The application that the person then goes on to; absent in another browser. */
  client?: ClientView | undefined;
}

/** Asks to confirm an address, by a link. Fields sent to `action`: `csrf`, `link`. */
export interface VerifyEmailView extends LinkFormView {
  email: string;
}

/** How it ended, and where to go on. */
export interface LinkResultView {
  result: LinkResult;
  client?: ClientView | undefined;
  /** As in ExpiredView. */
  startUri?: string | undefined;
}

/** A mail's HTML part (`mail.eta`). */
export interface MailView {
  subject: string;
  paragraphs: readonly string[];
  link?: { url: string; label: string; instead: string } | undefined;
  footer: string;
  /** `#rrggbb`, and what is readable on it. */
  accentColor: string;
  accentText: string;
}
