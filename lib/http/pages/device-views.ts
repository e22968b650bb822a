import type { DeviceProblem } from '../../provider/devices/device-page-contract.ts';
import type { AccountView, ClientView, ConsentApi } from './view-parts.ts';

/** A form that the engine receives; its secret is sent as `xsrf`. */
export interface EngineFormView {
  action: string;
  xsrf: string;
}

/** Where a person types the code that a device shows (RFC 8628 section 3.3); sent as `user_code`. */
export interface DeviceView extends EngineFormView {
  /** What was typed last time, or came with the link that the device showed. */
  userCode?: string | undefined;
  problem?: DeviceProblem | undefined;
}

/** Whether to let a device in. `#approve` sends `confirm=yes`, `#deny` sends `abort=yes`, both with `user_code`. */
export interface DeviceConfirmView extends EngineFormView {
  /** As the device shows it. */
  userCode: string;
  client: ClientView;
  /** Who is signed in; somebody else, or nobody yet, is asked to sign in next. */
  account?: AccountView | undefined;
  /** Where the device asked from, and whether this browser is at the same address. */
  address?: string | undefined;
  isOwnAddress: boolean;
  /** What the device says it is. Anybody can say anything. */
  deviceName?: string | undefined;
  /** How long ago it asked, in seconds. */
  age: number;
  /** What it asks for, as on the consent page. */
  identityScopes: string[];
  identityClaims: string[];
  apis: ConsentApi[];
  /** Whether the device can stay signed in. */
  offlineAccess: boolean;
}

/** The end on this side; the person goes back to the device. */
export interface DeviceEndedView {
  /** `answered`: somebody else did, in the same moment. */
  reason: 'approved' | 'refused' | 'answered';
  client?: ClientView | undefined;
}
