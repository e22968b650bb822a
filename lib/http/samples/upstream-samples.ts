import type { ViewModels } from '../pages/view-models.ts';
import { sampleFrame } from './account-samples.ts';
import { CLIENT_SAMPLE } from './frame-samples.ts';

const client = CLIENT_SAMPLE;
const csrfToken = 'sample';
const connecting = { provider: 'Orchard Works', label: 'ada@works.example' };
const providers = [
  { id: 'works', name: 'Orchard Works' },
  { id: 'school', name: 'Orchard School' },
];
const problem = {
  csrfToken,
  provider: 'Orchard Works',
  again: { action: '/upstream', id: 'works' },
  signInUrl: '/login',
  cancelAction: '/cancel',
  client,
};
const reference = 'K7Q2-9XWM';
const createdAt = Date.UTC(2026, 0, 31, 9, 30);
const identities = [
  { id: 'one', ...connecting, createdAt, usedAt: Date.UTC(2026, 1, 3, 17, 5) },
  { id: 'two', provider: 'Orchard School', label: 'Ada Lovelace', createdAt },
];
const page = {
  ...sampleFrame('identities'),
  providers,
  connectAction: '/account/identities/connect',
  unlinkAction: '/account/identities/unlink',
};

/** The login page with other providers, as in PAGE_SAMPLES. */
export const UPSTREAM_LOGIN_SAMPLES: Readonly<Record<string, ViewModels['login']>> = {
  upstream: {
    action: '/login',
    cancelAction: '/cancel',
    csrfToken,
    client,
    upstream: { action: '/upstream', providers },
    resetUrl: '/reset',
  },
  connecting: { action: '/login', cancelAction: '/cancel', csrfToken, client, connecting },
};

/** The pages around sign-in at other providers, as in PAGE_SAMPLES. */
export const UPSTREAM_SAMPLES: {
  readonly [Page in 'connect' | 'upstream-problem' | 'account-identities']: Readonly<
    Record<string, ViewModels[Page]>
  >;
} = {
  connect: {
    plain: {
      csrfToken,
      ...connecting,
      signInUrl: '/login',
      registerUrl: '/register',
      declineAction: '/connect',
      client,
    },
    'form-rejected': {
      csrfToken,
      ...connecting,
      signInUrl: '/login',
      declineAction: '/connect',
      formRejected: true,
    },
  },
  'upstream-problem': {
    denied: { ...problem, reason: 'denied' },
    used: { ...problem, reason: 'used' },
    untrusted: { ...problem, reason: 'untrusted', reference },
    unreachable: { ...problem, reason: 'unreachable', reference },
    stale: { ...problem, reason: 'stale', again: undefined, reference },
    disabled: {
      csrfToken,
      provider: 'Orchard Works',
      signInUrl: '/login',
      cancelAction: '/cancel',
      reason: 'disabled',
      forDevice: true,
    },
  },
  'account-identities': {
    plain: { ...page, identities },
    none: { ...page, identities: [] },
    linked: { ...page, identities: identities.slice(0, 1), done: 'identity-linked' },
    unlinked: { ...page, identities: [], providers: [], done: 'identity-unlinked' },
    ...Object.fromEntries(
      ['denied', 'unreachable', 'untrusted', 'used', 'stale', 'taken', 'last'].map((reason) => [
        reason,
        {
          ...page,
          identities: identities.slice(0, 1),
          problem: {
            kind: 'identity' as const,
            reason,
            provider: 'Orchard Works',
            reference: reason === 'untrusted' ? reference : undefined,
          },
        },
      ]),
    ),
  },
};
