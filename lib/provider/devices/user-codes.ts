import Provider, { errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { UserCodeThrottle } from '../../authentication/throttling/user-code-throttle.ts';
import type { Events } from '../../observability/events.ts';
import { prototypesOf } from '../engine/engine-context.ts';
import { temporarilyUnavailable } from '../errors/refusals.ts';

/** Too many wrong codes: the next is not judged. RFC 6585 §4. */
export class TooManyCodes extends errors.CustomOIDCProviderError {
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    super('temporarily_unavailable', 'too many wrong codes; try again later');
    this.status = 429;
    this.statusCode = 429;
    this.expose = true;
    this.retryAfter = retryAfter;
  }
}

/** Puts the guess budget before each look for a user code (RFC 8628 §5.1), and lets whoever began with one begin anew. */
export function limitUserCodes(
  provider: Provider,
  { userCodes, events }: { userCodes: UserCodeThrottle; events: Events },
): void {
  const { DeviceCode } = prototypesOf(provider);

  const findByUserCode = DeviceCode.findByUserCode.bind(DeviceCode);
  DeviceCode.findByUserCode = async (userCode, options) => {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    if (ctx === undefined) throw new Error('a user code is looked up outside of a request');
    const accountId = ctx.oidc.session?.accountId;
    const admittance = await userCodes.admit({ accountId, address: ctx.ip }).catch((cause: unknown) => {
      throw temporarilyUnavailable(cause);
    });
    if (admittance.outcome === 'throttled') {
      events.emit('attempt.throttled', { kind: 'user_code', address: ctx.ip });
      throw new TooManyCodes(admittance.retryAfter);
    }
    const found = await findByUserCode(userCode, options);
    if (found === undefined) return undefined;
    await admittance.wasRight().catch(() => {});
    // Whoever went on with it and closed the tab may begin anew in the same browser; there is still one who lets the device in.
    if (found.inFlight === true && found.sessionUid === ctx.oidc.session?.uid) found.inFlight = false;
    return found;
  };

  const { save } = DeviceCode.prototype;
  DeviceCode.prototype.save = function saveWithSession() {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    if (this.inFlight === true) this.sessionUid ??= ctx?.oidc.session?.uid;
    return save.call(this);
  };
}
