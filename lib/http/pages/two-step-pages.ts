import type { AccountPageModels } from '../../self-service/account-pages.ts';
import type { AccountFrame } from './account-views.ts';
import { qrCode } from './qr-code.ts';
import { grouped } from './second-step-pages.ts';
import type { ViewModels } from './view-models.ts';

type TwoStepPage = 'account-two-step' | 'account-two-step-app' | 'account-recovery-codes';

const BACK = '/account/two-step';

/** What the pages about a person's second step show. */
export const twoStepViews: {
  [Page in TwoStepPage]: (
    model: AccountPageModels[Page],
  ) => Promise<Omit<ViewModels[Page], keyof AccountFrame>>;
} = {
  'account-two-step': async ({ factors, devices }) => ({
    hasApp: factors.totp,
    passkeys: factors.passkeys,
    codesLeft: factors.recoveryCodes,
    devices,
    appUrl: `${BACK}/app`,
    removeAction: `${BACK}/remove-app`,
    codesAction: `${BACK}/recovery-codes`,
    forgetAction: `${BACK}/forget`,
  }),

  'account-two-step-app': async ({ enrolment }) => ({
    action: `${BACK}/app`,
    backUrl: BACK,
    qr: await qrCode(enrolment.uri),
    secret: grouped(enrolment.secret),
    sealed: enrolment.sealed,
  }),

  'account-recovery-codes': async ({ codes }) => ({ codes, backUrl: BACK }),
};
