import type { ViewModels } from '../pages/view-models.ts';

const client = { name: 'Orchard Notes', uri: 'https://notes.example/' };
const form = {
  csrfToken: 'sample',
  proof: 'sample',
  action: '/second-step',
  client,
  login: 'ada@example.com',
  switchUrl: '/switch',
  cancelAction: '/cancel',
};
const second = {
  ...form,
  others: [
    { way: 'passkey' as const, url: '/passkey' },
    { way: 'totp' as const, url: '/totp' },
    { way: 'mail' as const, url: '/mail' },
    { way: 'recovery-code' as const, url: '/recovery-code' },
  ],
  rememberDays: 30,
  codesLeft: 10,
};
const mail = { to: 'a•••@example.com', sent: false, action: '/mail' };
const passkey = { action: '/passkey', optionsUrl: '/passkey-options', rpId: 'id.example' };
const totp = {
  qr: { size: 21, path: 'M4 4h7v7h-7zM13 4h4v4h-4zM4 13h4v4h-4z' },
  secret: 'JBSW Y3DP EHPK 3PXP',
  sealed: 'sample',
};
const { action: _action, ...frame } = form;
const newPasskey = {
  ...frame,
  passkey,
  againUrl: '/again',
  hasPasskeys: false,
  accountUrl: 'https://id.example/account/passkeys',
};
const CODES = ['QX4KTB-7WZ9HM-PCD2RV-LN8GJY', 'HM3VWC-K9TZ2P-RXB7QD-5LNGJ8'];

/** The pages of the second step, as in PAGE_SAMPLES. */
export const SECOND_STEP_SAMPLES: {
  readonly [Page in
    | 'second-step'
    | 'set-up-two-step'
    | 'set-up-passkey'
    | 'recovery-codes'
    | 'unreachable']: Readonly<Record<string, ViewModels[Page]>>;
} = {
  'second-step': {
    totp: { ...second, way: 'totp' },
    refused: { ...second, way: 'totp', problem: { kind: 'refused' } },
    throttled: { ...second, way: 'totp', problem: { kind: 'throttled', retryAfter: 600 } },
    unavailable: { ...second, way: 'totp', others: [], problem: { kind: 'unavailable' } },
    mail: { ...second, way: 'mail', mail },
    'mail-sent': { ...second, way: 'mail', mail: { ...mail, sent: true }, rememberDays: 0 },
    recovery: { ...second, way: 'recovery-code', codesLeft: 1, forDevice: true },
    passkey: { ...second, way: 'passkey', passkey },
    added: { ...second, way: 'passkey', passkey, others: [], added: true },
    'form-rejected': { ...second, way: 'passkey', passkey, problem: { kind: 'form-rejected' } },
    expired: { ...second, way: 'totp', problem: { kind: 'expired' } },
  },
  'set-up-two-step': {
    plain: { ...form, ...totp },
    refused: { ...form, ...totp, problem: { kind: 'refused' } },
    'or-passkey': { ...form, ...totp, passkeyUrl: '/enrol-passkey' },
  },
  'set-up-passkey': {
    plain: newPasskey,
    another: { ...newPasskey, hasPasskeys: true, forDevice: true },
    'or-app': { ...newPasskey, appUrl: '/enrol' },
    stale: { ...newPasskey, passkey: undefined },
    'form-rejected': { ...newPasskey, problem: { kind: 'form-rejected' } },
    ...Object.fromEntries(
      ['expired', 'known', 'too_many', 'unverified', 'not_allowed', 'invalid'].map((reason) => [
        reason,
        { ...newPasskey, problem: { kind: 'passkey', reason } },
      ]),
    ),
  },
  'recovery-codes': {
    plain: { csrfToken: 'sample', proof: 'sample', action: '/go-on', codes: CODES },
    shown: {
      csrfToken: 'sample',
      proof: 'sample',
      action: '/go-on',
      codes: [],
      accountUrl: 'https://id.example/account/two-step',
    },
  },
  unreachable: { plain: form },
};
