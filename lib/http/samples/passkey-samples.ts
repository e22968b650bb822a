import type { ViewModels } from '../pages/view-models.ts';
import { sampleFrame } from './account-samples.ts';
import { CLIENT_SAMPLE } from './frame-samples.ts';

const page = {
  ...sampleFrame('passkeys'),
  addAction: '/account/passkeys/add',
  optionsUrl: '/account/passkeys/options',
  renameAction: '/account/passkeys/rename',
  removeAction: '/account/passkeys/remove',
  signals: '{}',
};
const createdAt = Date.UTC(2026, 0, 31, 9, 30);
const passkeys = [
  {
    id: 'one',
    name: 'iCloud Keychain',
    createdAt,
    usedAt: Date.UTC(2026, 1, 3, 17, 5),
    backedUp: true,
  },
  { id: 'two', name: 'Security key in the drawer', createdAt, copySuspectedAt: createdAt, backedUp: false },
  { id: 'three', name: '', createdAt, backedUp: false },
];

/** The page of a person's passkeys, as in PAGE_SAMPLES. */
export const PASSKEY_SAMPLES: Readonly<Record<string, ViewModels['account-passkeys']>> = {
  plain: { ...page, passkeys },
  none: { ...page, passkeys: [] },
  added: { ...page, passkeys: passkeys.slice(0, 1), done: 'passkey-added' },
  ...Object.fromEntries(
    ['expired', 'known', 'too_many', 'unverified', 'not_allowed', 'invalid', 'last'].map((reason) => [
      reason,
      { ...page, passkeys: passkeys.slice(0, 1), problem: { kind: 'passkey', reason } },
    ]),
  ),
};

const REFUSALS = ['expired', 'unknown', 'unverified', 'copied', 'refused'] as const;

/** The login page after a passkey that was not taken. */
export const PASSKEY_LOGIN_SAMPLES: Readonly<Record<string, ViewModels['login']>> = Object.fromEntries(
  REFUSALS.map((reason) => [
    `passkey-${reason}`,
    {
      action: '/login',
      csrfToken: 'sample',
      client: CLIENT_SAMPLE,
      passkey: { action: '/passkey', optionsUrl: '/passkey-options', rpId: 'id.example' },
      problem: { kind: 'passkey', reason, ...(reason === 'unknown' ? { id: 'sample' } : {}) },
    },
  ]),
);
