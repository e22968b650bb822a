import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { type Configuration as EngineConfiguration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import { POLL_INTERVAL_SECONDS } from '../../authentication/throttling/poll-pace.ts';
import type { UserCodeThrottle } from '../../authentication/throttling/user-code-throttle.ts';
import { wordsOf } from '../../clients/scope.ts';
import type { Events } from '../../observability/events.ts';
import { cookies } from '../cookies.ts';
import { type EngineDeviceCode, entitiesOf } from '../engine/engine-context.ts';
import { beginSession, formOf } from './device-form.ts';
import { leaveSessionGrant } from './device-grant.ts';
import type { DevicePages, DeviceProblem, DeviceRequest } from './device-page-contract.ts';
import { limitUserCodes, TooManyCodes } from './user-codes.ts';

/** Of a `User-Agent` no more than this is kept, in characters: it is shown to somebody who decides by it. */
const DEVICE_NAME_CHARACTERS = 120;

interface OtherPages {
  device: DevicePages;
  error(
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string },
    error: Error,
  ): Promise<void>;
  interrupted(ctx: KoaContextWithOIDC): Promise<void>;
}

/** The code in `verification_uri_complete`, kept from the engine, which would answer with a form that needs a script. */
const offeredCodes = new WeakMap<object, string>();

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
function problemOf(ctx: KoaContextWithOIDC, error: Error): DeviceProblem | undefined {
  switch (error.name) {
    case 'NotFoundError':
      return { kind: 'unknown' };
    case 'ExpiredError':
      return { kind: 'expired' };
    case 'AlreadyUsedError':
      return { kind: 'used' };
    default:
  }
  if (error instanceof TooManyCodes) {
    ctx.set('Retry-After', String(error.retryAfter));
    return { kind: 'throttled', retryAfter: error.retryAfter };
  }
  const isStaleForm =
    error instanceof errors.InvalidRequest &&
    /^(xsrf token invalid|could not find device form details)$/.test(error.error_description ?? '');
  return isStaleForm ? { kind: 'form-rejected' } : undefined;
}

/** Draws what came of a code: the page again with what was wrong, or the end. */
async function drawOutcome(
  ctx: KoaContextWithOIDC,
  pages: OtherPages,
  out?: { error: string; error_description?: string | undefined },
  error?: Error,
): Promise<void> {
  const userCode = text(ctx.oidc.params?.user_code) || (offeredCodes.get(ctx.req) ?? '');
  if (error === undefined || error.name === 'NoCodeError') {
    pages.device.enterCode(ctx, formOf(ctx), { userCode });
    return;
  }
  // Whoever cannot reach what is demanded has given up as well, of which the device hears.
  if (error.name === 'AbortedError' || error instanceof errors.UnmetAuthenticationRequirements) {
    ctx.status = 200;
    pages.device.refused(ctx);
    return;
  }
  if (error instanceof errors.SessionNotFound) {
    await pages.interrupted(ctx);
    return;
  }
  const problem = problemOf(ctx, error);
  if (problem === undefined) {
    await pages.error(ctx, (out ?? { error: 'server_error' }) as { error: string }, error);
    return;
  }
  if (ctx.status === 200) ctx.status = 422;
  pages.device.enterCode(ctx, formOf(ctx), { userCode, problem });
}

/** The names in a `claims` parameter that the engine has checked. */
function claimsOf(parameter: unknown): string[] {
  if (typeof parameter !== 'string') return [];
  const { userinfo, id_token: idToken } = JSON.parse(parameter) as Record<string, object | undefined>;
  return [...new Set([...Object.keys(userinfo ?? {}), ...Object.keys(idToken ?? {})])];
}

function describe(code: EngineDeviceCode, userCode: string): DeviceRequest {
  const { address, name } = (code.deviceInfo ?? {}) as { address?: unknown; name?: unknown };
  const { resource } = code.params;
  return {
    clientId: code.clientId,
    userCode,
    address: text(address) || undefined,
    deviceName: text(name) || undefined,
    age: Math.max(0, Math.floor(Date.now() / 1000) - code.iat),
    scopes: wordsOf(code.params.scope),
    claims: claimsOf(code.params.claims),
    resources: [resource ?? []].flat().map(String),
  };
}

/** The device authorization grant (RFC 8628) as the engine is configured for it. Codes are eight letters of twenty, see docs/security.md. */
export function deviceFlow(
  configuration: Configuration,
  pages: OtherPages,
): NonNullable<NonNullable<EngineConfiguration['features']>['deviceFlow']> {
  const { long: cookie } = cookies(configuration.issuer);
  return {
    enabled: configuration.features.deviceFlow,
    charset: 'base-20',
    mask: '****-****',
    deviceInfo: (ctx) => ({
      address: ctx.ip,
      name: ctx.get('User-Agent').slice(0, DEVICE_NAME_CHARACTERS),
    }),
    userCodeInputSource: async (ctx, _form, out, error) => {
      await drawOutcome(ctx, pages, out, error);
      if (error !== undefined) await beginSession(ctx, cookie ?? {});
    },
    userCodeConfirmSource: async (ctx, _form, _client, _deviceInfo, userCode) => {
      const code = entitiesOf(ctx).DeviceCode;
      if (code === undefined) throw new Error('a device is to be confirmed without its code');
      await pages.device.confirm(ctx, formOf(ctx), describe(code, userCode));
    },
    successSource: (ctx) => pages.device.approved(ctx, text(ctx.oidc.client?.clientId)),
  };
}

/** What the engine's configuration cannot say: the guess budget, `interval`, and a grant for each device. */
export function completeDeviceFlow(
  provider: Provider,
  rooms: { userCodes: UserCodeThrottle; events: Events },
): void {
  limitUserCodes(provider, rooms);
  // RFC 8628 §3.2: the engine leaves `interval` out.
  provider.on('device_authorization.success', (_ctx, body) => {
    (body as Record<string, unknown>).interval = POLL_INTERVAL_SECONDS;
  });
  provider.on('interaction.started', leaveSessionGrant);
  provider.on('authorization.success', leaveSessionGrant);
}

/**
 * Addresses of the flow that the engine would answer otherwise: `verification_uri_complete` (RFC 8628 §3.3.1) leads to the page
 * with the code filled in, which the person compares and sends; the endpoint of devices is no page.
 */
export const deviceAddresses: Koa.Middleware = async (ctx, next) => {
  const isRead = ctx.method === 'GET' || ctx.method === 'HEAD';
  if (isRead && ctx.path === '/device/auth') return;
  if (isRead && ctx.path === '/device' && ctx.query.user_code !== undefined) {
    const { user_code: userCode, ...others } = ctx.query;
    offeredCodes.set(ctx.req, text([userCode].flat()[0]).slice(0, 40));
    // From the engine alone: the page is still to be found at its address, as by whoever changes its language.
    Object.defineProperty(ctx, 'query', { value: others });
  }
  await next();
};
