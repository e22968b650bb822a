import type { AccountFrame } from './account-views.ts';
import type { QrCode } from './qr-code.ts';

/** The second step of somebody's sign-in. Each action takes `csrf`; `forgetAction` also `device`, without which all are forgotten. */
export interface AccountTwoStepView extends AccountFrame {
  hasApp: boolean;
  passkeys: number;
  codesLeft: number;
  /** Times are Unix times, ms; an empty user agent is unknown. */
  devices: readonly { id: string; userAgent: string; createdAt: number; usedAt: number; expiresAt: number }[];
  appUrl: string;
  removeAction: string;
  codesAction: string;
  forgetAction: string;
}

/** Setting up an authenticator app. Fields sent to `action`: `csrf`, `sealed`, `code`. */
export interface AccountTwoStepAppView extends AccountFrame {
  action: string;
  backUrl: string;
  qr: QrCode;
  /** The secret in base32, in groups. */
  secret: string;
  sealed: string;
}

/** Recovery codes, shown once. */
export interface AccountRecoveryCodesView extends AccountFrame {
  codes: readonly string[];
  backUrl: string;
}
