import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { UpstreamSession } from '../../grants/grants.ts';
import { type EngineSession, prototypesOf } from '../engine/engine-context.ts';

/** Longer ones say nothing more, and are kept in every session. */
const USER_AGENT_CHARACTERS = 256;

/** The `User-Agent` of a request, as far as it is kept. */
export function userAgentOf(ctx: { get(name: string): string }): string {
  return ctx.get('User-Agent').slice(0, USER_AGENT_CHARACTERS);
}

/**
 * When the person of a session proved themselves (Unix time, s). Who came from another provider had perhaps done so there long before, or
 * at a time that it does not tell: then it is as long ago as can be.
 */
export function provedAt({ loginTs = 0, upstream }: Pick<EngineSession, 'loginTs' | 'upstream'>): number {
  return upstream === undefined ? loginTs : Math.min(loginTs, upstream.signedInAt ?? 0);
}

/**
 * Has the engine hold a demand for a new sign-in (`max_age`) against the time at which the person proved themselves, wherever that was: else
 * an application that demands nothing would make an old sign-in elsewhere new for the next one that does.
 */
export function measureSignInsAtTheirSource(provider: Provider): void {
  const { Session } = prototypesOf(provider);
  Session.prototype.past = function past(this: EngineSession, age) {
    return Math.floor(Date.now() / 1000) - provedAt(this) > Number(age);
  };
}

/**
 * Notes in each session where it was signed in, by which other provider if any, and when it was last used. It is part of the session, which the engine writes with every
 * authorization anyway: it costs no write, is sealed like the rest, and ends with it.
 */
export function noteDevicesInSessions(provider: Provider): void {
  const { Session } = prototypesOf(provider);
  const members = [...Session.IN_PAYLOAD, 'device', 'upstream'];
  Object.defineProperty(Session, 'IN_PAYLOAD', { get: () => members });
  const { save } = Session.prototype;
  Session.prototype.save = function saveWithDevice(this: EngineSession, seconds) {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    const { accountId, loginTs, device } = this;
    if (ctx !== undefined && accountId !== undefined && loginTs !== undefined) {
      const place =
        device?.loginTs === loginTs ? device : { userAgent: userAgentOf(ctx), address: ctx.ip, loginTs };
      this.device = { ...place, usedAt: Math.floor(Date.now() / 1000) };
      const { login } = (ctx.oidc.result ?? {}) as { login?: { upstream?: UpstreamSession | null } };
      // A factor that is added to a sign-in says nothing of where that came from.
      if (login?.upstream !== undefined) this.upstream = login.upstream ?? undefined;
    }
    return save.call(this, seconds);
  };
}
