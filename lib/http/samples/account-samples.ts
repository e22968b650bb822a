import type { AccountFrame } from '../pages/account-views.ts';
import type { ViewModels } from '../pages/view-models.ts';

const SECTIONS = [
  'overview',
  'profile',
  'email',
  'password',
  'passkeys',
  'identities',
  'two-step',
  'sessions',
  'applications',
  'activity',
  'data',
];
const USER_AGENTS = {
  desktop: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  phone:
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
};
const SINCE = Date.UTC(2026, 0, 31, 9, 30);
const USED = Date.UTC(2026, 1, 3, 17, 5);

/** What the pages of a signed-in person have in common, in samples. */
export function sampleFrame(section: string): AccountFrame {
  return {
    csrfToken: 'sample',
    account: { login: 'ada@example.com', name: 'Ada Lovelace' },
    section,
    sections: SECTIONS.map((name) => ({ name, url: name === 'overview' ? '/account' : `/account/${name}` })),
  };
}

type AccountPage =
  | 'account'
  | 'account-profile'
  | 'account-email'
  | 'account-email-confirm'
  | 'account-password'
  | 'account-sessions'
  | 'account-applications'
  | 'account-requests'
  | 'account-activity'
  | 'account-data'
  | 'account-delete';

const fields = [
  { claim: 'name', value: 'Ada Lovelace' },
  { claim: 'given_name', value: 'Ada' },
  { claim: 'family_name', value: 'Lovelace' },
  { claim: 'nickname', value: '' },
  { claim: 'locale', value: 'de', options: ['en', 'de'] },
  { claim: 'zoneinfo', value: 'Europe/London' },
];

/** The pages of a signed-in person, as in PAGE_SAMPLES. */
export const ACCOUNT_SAMPLES: {
  readonly [Page in AccountPage]: Readonly<Record<string, ViewModels[Page]>>;
} = {
  account: {
    plain: {
      ...sampleFrame('overview'),
      email: 'ada@example.com',
      emailVerified: true,
      homeUrl: '/',
      logoutUrl: '/session/end',
    },
    bare: { ...sampleFrame('overview'), emailVerified: false, homeUrl: '/', logoutUrl: '/session/end' },
  },
  'account-profile': {
    plain: { ...sampleFrame('profile'), fields, readOnly: false },
    saved: { ...sampleFrame('profile'), done: 'saved', fields, readOnly: false },
    faulty: {
      ...sampleFrame('profile'),
      fields: [...fields.slice(0, -1), { claim: 'zoneinfo', value: 'Moon' }],
      readOnly: false,
      problem: { kind: 'claim', claim: 'zoneinfo' },
    },
    elsewhere: { ...sampleFrame('profile'), fields, readOnly: true },
  },
  'account-email': {
    plain: { ...sampleFrame('email'), email: 'ada@example.com', verified: true, typed: '' },
    unverified: {
      ...sampleFrame('email'),
      done: 'email-change-asked',
      email: 'ada@example.com',
      verified: false,
      typed: '',
    },
    invalid: {
      ...sampleFrame('email'),
      verified: false,
      typed: 'ada at example',
      problem: { kind: 'invalid' },
    },
    unchanged: {
      ...sampleFrame('email'),
      email: 'ada@example.com',
      verified: true,
      typed: 'ada@example.com',
      problem: { kind: 'unchanged' },
    },
    domain: {
      ...sampleFrame('email'),
      email: 'ada@example.com',
      verified: true,
      typed: 'ada@private.example',
      allowedDomains: ['example.com', 'example.org'],
      problem: { kind: 'domain' },
    },
  },
  'account-email-confirm': {
    plain: {
      csrfToken: 'sample',
      action: '/confirm',
      link: 'sample',
      email: 'ada@new.example',
      login: 'ada@example.com',
    },
    'form-rejected': {
      csrfToken: 'sample',
      action: '/confirm',
      link: 'sample',
      email: 'ada@new.example',
      login: 'ada@example.com',
      problem: { kind: 'form-rejected' },
    },
  },
  'account-password': {
    plain: { ...sampleFrame('password'), asksCurrent: true, minimumLength: 8 },
    fresh: { ...sampleFrame('password'), done: 'password-changed', asksCurrent: false, minimumLength: 8 },
    wrong: {
      ...sampleFrame('password'),
      asksCurrent: true,
      minimumLength: 8,
      problem: { kind: 'wrong-password' },
    },
    weak: {
      ...sampleFrame('password'),
      asksCurrent: false,
      minimumLength: 8,
      problem: { kind: 'password', rule: 'common' },
    },
  },
  'account-sessions': {
    plain: {
      ...sampleFrame('sessions'),
      zone: 'Europe/London',
      sessions: [
        {
          uid: 'one',
          userAgent: USER_AGENTS.desktop,
          address: '192.0.2.17',
          signedInAt: SINCE,
          usedAt: USED,
          current: true,
        },
        {
          uid: 'two',
          userAgent: USER_AGENTS.phone,
          address: '2001:db8::17',
          signedInAt: SINCE,
          usedAt: USED,
          current: false,
        },
        { uid: 'three', userAgent: 'curl/8.5', signedInAt: SINCE, current: false },
      ],
    },
    alone: {
      ...sampleFrame('sessions'),
      done: 'sessions-ended',
      sessions: [{ uid: 'one', userAgent: 'Mozilla/5.0 (Windows NT 10.0)', current: true }],
    },
    'form-rejected': { ...sampleFrame('sessions'), sessions: [], problem: { kind: 'form-rejected' } },
  },
  'account-applications': {
    plain: {
      ...sampleFrame('applications'),
      applications: [
        {
          clientId: 'notes',
          name: 'Orchard Notes',
          uri: 'https://notes.example/',
          since: SINCE,
          usedAt: USED,
          identityScopes: ['openid', 'profile'],
          apis: [
            {
              name: 'Orchard API',
              scopes: [{ name: 'notes:read', description: 'Read your notes' }, { name: 'notes:write' }],
            },
          ],
          offlineAccess: true,
        },
        {
          clientId: 'timer',
          name: 'Desk Timer',
          since: SINCE,
          identityScopes: ['openid'],
          apis: [],
          offlineAccess: false,
        },
      ],
    },
    none: { ...sampleFrame('applications'), done: 'application-removed', applications: [] },
  },
  'account-requests': {
    plain: {
      ...sampleFrame('requests'),
      requests: [
        {
          id: 'sample',
          client: { name: 'Orchard Bank' },
          bindingMessage: 'Counter 3, KX-17',
          identityScopes: ['openid', 'profile'],
          identityClaims: [],
          apis: [{ name: 'Orchard API', scopes: [{ name: 'notes:read', description: 'Read your notes' }] }],
          offlineAccess: true,
          createdAt: USED,
          expiresAt: USED + 300_000,
        },
        {
          id: 'other',
          client: { name: 'Desk Timer', unverified: {} },
          identityScopes: [],
          identityClaims: [],
          apis: [],
          offlineAccess: false,
          createdAt: USED,
          expiresAt: USED + 300_000,
        },
      ],
    },
    none: { ...sampleFrame('requests'), requests: [], done: 'request-confirmed' },
    ...Object.fromEntries(
      (['passkeys', 'two-step', undefined] as const).map((setUp) => [
        `assurance-${setUp ?? 'unreachable'}`,
        {
          ...sampleFrame('requests'),
          requests: [],
          problem: { kind: 'assurance', client: 'Orchard Bank', setUp },
        },
      ]),
    ),
  },
  'account-activity': {
    plain: {
      ...sampleFrame('activity'),
      entries: [
        {
          at: USED,
          kind: 'signed-in',
          userAgent: USER_AGENTS.desktop,
          address: '192.0.2.17',
          application: 'Orchard Notes',
        },
        { at: USED, kind: 'sign-in-failed', address: '203.0.113.5' },
        { at: SINCE, kind: 'password-changed', userAgent: USER_AGENTS.phone, address: '2001:db8::17' },
      ],
    },
    none: { ...sampleFrame('activity'), entries: [] },
  },
  'account-data': {
    plain: { ...sampleFrame('data'), exportUrl: '/account/data/export', deleteUrl: '/account/delete' },
    elsewhere: { ...sampleFrame('data'), exportUrl: '/account/data/export' },
  },
  'account-delete': {
    plain: { ...sampleFrame('data'), days: 14 },
    'at-once': { ...sampleFrame('data'), days: 0 },
  },
};
