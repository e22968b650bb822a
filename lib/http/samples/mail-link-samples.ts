import type { MailView } from '../pages/mail-link-views.ts';
import type { ViewModels } from '../pages/view-models.ts';

const client = { name: 'Orchard Notes', uri: 'https://notes.example/' };
const form = { csrfToken: 'sample', client };
const ask = { ...form, signInUrl: '/sign-in' };
const link = { csrfToken: 'sample', link: 'sample', minimumLength: 8 };
const email = 'ada@example.com';

type MailLinkPage =
  | 'reset'
  | 'register'
  | 'mail-sent'
  | 'choose-password'
  | 'complete-registration'
  | 'verify-email'
  | 'link-result';

/** The pages around mailed links, as in PAGE_SAMPLES. */
export const MAIL_LINK_SAMPLES: {
  readonly [Page in MailLinkPage]: Readonly<Record<string, ViewModels[Page]>>;
} = {
  reset: {
    plain: { ...ask, action: '/reset' },
    throttled: {
      ...ask,
      action: '/reset',
      login: email,
      problem: { kind: 'throttled', retryAfter: 1800 },
    },
    unavailable: {
      csrfToken: 'sample',
      signInUrl: '/sign-in',
      action: '/reset',
      problem: { kind: 'unavailable' },
    },
    invalid: { ...ask, action: '/reset', problem: { kind: 'invalid' } },
    elsewhere: { ...ask, action: '/reset', managedElsewhere: true },
  },
  register: {
    plain: { ...ask, action: '/register', allowedDomains: [] },
    domain: {
      csrfToken: 'sample',
      signInUrl: '/sign-in',
      action: '/register',
      email: 'ada@elsewhere.example',
      allowedDomains: ['example.com', 'example.org'],
      problem: { kind: 'domain' },
    },
  },
  'mail-sent': {
    reset: { kind: 'reset', seconds: 1800, againUrl: '/reset', signInUrl: '/sign-in', client },
    register: { kind: 'register', seconds: 1800, againUrl: '/register', signInUrl: '/sign-in' },
  },
  'choose-password': {
    plain: { ...link, action: '/choose', login: email },
    'too-short': {
      ...link,
      action: '/choose',
      login: email,
      problem: { kind: 'password', rule: 'too_short' },
    },
    'form-rejected': { ...link, action: '/choose', login: email, problem: { kind: 'form-rejected' } },
  },
  'complete-registration': {
    plain: { ...link, action: '/complete', email, client },
    common: {
      ...link,
      action: '/complete',
      email,
      name: 'Ada Lovelace',
      problem: { kind: 'password', rule: 'common' },
    },
    name: { ...link, action: '/complete', email, name: 'Ada', problem: { kind: 'name' } },
  },
  'verify-email': {
    plain: { csrfToken: 'sample', link: 'sample', action: '/verify', email },
    'form-rejected': {
      csrfToken: 'sample',
      link: 'sample',
      action: '/verify',
      email,
      problem: { kind: 'form-rejected' },
    },
  },
  'link-result': {
    'password-changed': { result: 'password-changed', client },
    registered: { result: 'registered', client, startUri: 'https://notes.example/login' },
    'already-registered': { result: 'already-registered' },
    'email-verified': { result: 'email-verified' },
    'email-changed': { result: 'email-changed' },
    'deletion-asked': { result: 'deletion-asked' },
    expired: { result: 'expired', client: { name: 'Desk Timer' } },
  },
};

/** A mail that takes every branch of its template. */
export const MAIL_SAMPLE: MailView = {
  subject: 'Choose a new password',
  paragraphs: ['Somebody asked for a new password.'],
  link: { url: 'https://id.example/reset-password?link=sample', label: 'Choose', instead: 'Or copy this:' },
  footer: 'Sent by Latchkey.',
  accentColor: '#0f6e68',
  accentText: '#ffffff',
};
