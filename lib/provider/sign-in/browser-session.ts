import { setTimeout as sleep } from 'node:timers/promises';
import type Koa from 'koa';
import type { Configuration } from '../../../config/configuration.ts';
import type { Grants } from '../../grants/grants.ts';
import { cookieNames } from '../cookies.ts';
import { type EngineSession, prototypesOf } from '../engine/engine-context.ts';
import type { ProviderHost } from '../provider.ts';
import { provedAt } from './session-device.ts';

/** Who is signed in at a browser, and how. */
export interface BrowserSession {
  uid: string;
  accountId: string;
  /** Unix time, s. */
  authenticatedAt: number;
  /** What was proved in this session, as `amr` values (RFC 8176). */
  methods: readonly string[];
}

/** Sessions of browsers, for pages of the host. */
export interface SessionDesk {
  /** The session that this browser holds the cookie of, when somebody is signed in to it. */
  current(ctx: Koa.Context): Promise<BrowserSession | undefined>;
  /** Whether a session has ended since this request read it. */
  hasEnded(sessionUid: string): Promise<boolean>;
  /**
   * Ends every session of the person, and every token, and gives this browser a session of its own anew, with another
   * identifier and the same proof. Whoever was about to sign in with a proof of before does not get in.
   */
  renew(ctx: Koa.Context, session: BrowserSession): Promise<BrowserSession>;
}

/** An ending counts for what began in its very millisecond; a unit that begins later is not touched by it. */
const AFTER_AN_ENDING_MILLISECONDS = 2;
const RENEWALS = 5;

/** Builds the desk over the engine that is current at each request. */
export function createSessionDesk(
  host: ProviderHost,
  { configuration, grants }: { configuration: Configuration; grants: Grants },
): SessionDesk {
  const { issuer, lifetimes } = configuration;
  const { session: cookieName } = cookieNames(issuer);

  const read = (ctx: Koa.Context): Promise<EngineSession> =>
    prototypesOf(host.current().provider).Session.get(ctx);

  return {
    async current(ctx) {
      const session = await read(ctx);
      const { uid, accountId, loginTs, amr } = session;
      if (accountId === undefined || loginTs === undefined) return undefined;
      return { uid, accountId, authenticatedAt: provedAt(session), methods: amr ?? [] };
    },

    async hasEnded(sessionUid) {
      // In a unit of its own: that of this request goes by what it has read.
      const { Session } = prototypesOf(host.current().provider);
      return (await grants.inUnitOfWork(() => Session.findByUid(sessionUid))) === undefined;
    },

    async renew(ctx, session) {
      const { accountId, authenticatedAt, methods } = session;
      const former = await read(ctx);
      await grants.endAccount(accountId, { consent: false });
      for (let attempt = 1; ; attempt += 1) {
        await sleep(AFTER_AN_ENDING_MILLISECONDS * attempt);
        const renewed = prototypesOf(host.current().provider).Session.instantiate();
        const outcome = await grants.inUnitOfWork(async () => {
          renewed.loginAccount({
            accountId,
            loginTs: former.loginTs ?? authenticatedAt,
            amr: [...methods],
            acr: former.acr,
          });
          if (former.device !== undefined) renewed.device = former.device;
          if (former.upstream !== undefined) renewed.upstream = former.upstream;
          await renewed.save(lifetimes.session);
          return grants.commit('everything');
        });
        if (outcome.outcome === 'committed') {
          ctx.cookies.secure = issuer.startsWith('https:');
          ctx.cookies.set(cookieName, renewed.id, {
            httpOnly: true,
            sameSite: 'lax',
            signed: false,
            overwrite: true,
            path: '/',
            expires: new Date(Number(renewed.exp) * 1000),
          });
          return { uid: renewed.uid, accountId, authenticatedAt, methods };
        }
        // Such changes at once, one ending what the other has just begun: in the end this browser is signed out as well.
        if (attempt === RENEWALS) return session;
      }
    },
  };
}
