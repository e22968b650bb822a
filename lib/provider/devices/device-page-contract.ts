import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { DeviceForm } from './device-form.ts';

/** Why the code that was typed leads no further. */
export type DeviceProblem =
  /** There is no such code; or it was mistyped. */
  | { kind: 'unknown' }
  | { kind: 'expired' }
  /** It was answered, or somebody is answering it. */
  | { kind: 'used' }
  | { kind: 'throttled'; retryAfter: number }
  /** The form's `xsrf` was missing or stale; nothing was looked up. */
  | { kind: 'form-rejected' };

/** What a device asks for. */
export interface DeviceRequest {
  clientId: string;
  /** As the device shows it. */
  userCode: string;
  /** Where the request came from, and what sent it by its own account. */
  address: string | undefined;
  deviceName: string | undefined;
  /** How long ago (s). */
  age: number;
  scopes: string[];
  /** Single claims (OpenID Connect Core §5.5). */
  claims: string[];
  resources: string[];
}

/** The pages of the flow, RFC 8628 §3.3. */
export interface DevicePages {
  /** Asks for the code (`user_code`). The status is set. */
  enterCode(
    ctx: KoaContextWithOIDC,
    form: DeviceForm,
    state: { userCode: string; problem?: DeviceProblem },
  ): void;
  /** Asks whether to go on: posts `user_code` with `confirm=yes`, or with `abort=yes`. */
  confirm(ctx: KoaContextWithOIDC, form: DeviceForm, request: DeviceRequest): Promise<void>;
  approved(ctx: KoaContextWithOIDC, clientId: string): Promise<void>;
  refused(ctx: KoaContextWithOIDC): void;
  /** Somebody else answered in the same moment. */
  answered(ctx: Koa.Context): void;
}
