import type { ViewModels } from '../pages/view-models.ts';
import { sampleFrame } from './account-samples.ts';

const MOMENT = Date.UTC(2026, 2, 14, 9, 30);
const devices = [
  {
    id: 'one',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    createdAt: MOMENT,
    usedAt: MOMENT,
    expiresAt: MOMENT,
  },
  { id: 'two', userAgent: '', createdAt: MOMENT, usedAt: MOMENT, expiresAt: MOMENT },
];
const page = {
  ...sampleFrame('two-step'),
  appUrl: '/account/two-step/app',
  removeAction: '/account/two-step/remove-app',
  codesAction: '/account/two-step/recovery-codes',
  forgetAction: '/account/two-step/forget',
};
const app = {
  ...sampleFrame('two-step'),
  action: '/account/two-step/app',
  backUrl: '/account/two-step',
  qr: { size: 21, path: 'M4 4h7v7h-7zM13 4h4v4h-4zM4 13h4v4h-4z' },
  secret: 'JBSW Y3DP EHPK 3PXP',
  sealed: 'sample',
};

/** The pages about a person's second step, as in PAGE_SAMPLES. */
export const TWO_STEP_SAMPLES: {
  readonly [Page in 'account-two-step' | 'account-two-step-app' | 'account-recovery-codes']: Readonly<
    Record<string, ViewModels[Page]>
  >;
} = {
  'account-two-step': {
    plain: { ...page, hasApp: true, passkeys: 0, codesLeft: 9, devices },
    present: { ...page, hasApp: true, passkeys: 0, codesLeft: 10, devices: [], done: 'two-step-present' },
    none: { ...page, hasApp: false, passkeys: 0, codesLeft: 0, devices: [] },
    passkeys: { ...page, hasApp: false, passkeys: 2, codesLeft: 1, devices: [], done: 'two-step-removed' },
    'form-rejected': {
      ...page,
      hasApp: true,
      passkeys: 0,
      codesLeft: 0,
      devices,
      problem: { kind: 'form-rejected' },
    },
  },
  'account-two-step-app': {
    plain: app,
    refused: { ...app, problem: { kind: 'refused' } },
    throttled: { ...app, problem: { kind: 'throttled', retryAfter: 600 } },
  },
  'account-recovery-codes': {
    plain: {
      ...sampleFrame('two-step'),
      backUrl: '/account/two-step',
      codes: ['QX4KTB-7WZ9HM-PCD2RV-LN8GJY', 'HM3VWC-K9TZ2P-RXB7QD-5LNGJ8'],
    },
  },
};
