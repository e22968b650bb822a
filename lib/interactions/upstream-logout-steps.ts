import type Koa from 'koa';
import { addressGroup } from '../authentication/throttling/address-group.ts';
import { admitRefusalLine } from '../observability/refusal-lines.ts';
import { endDeparture } from '../provider/logout/upstream-departure.ts';
import { fieldsOf, seeOther, text } from './pending-step.ts';
import type { UpstreamRooms } from './upstream-steps.ts';

/** What other providers send when somebody signs out there, and how somebody signs out there from here. */
export interface UpstreamLogoutSteps {
  /** A logout token, from server to server (OpenID Connect Back-Channel Logout §2.5 and §2.8). */
  receive(ctx: Koa.Context): Promise<void>;
  /** Sends the browser to the provider, which asks (RP-Initiated Logout §2). Nothing ends here by it. */
  leave(ctx: Koa.Context): Promise<void>;
  /** The browser is back from there, and goes where the logout leads. */
  left(ctx: Koa.Context): Promise<void>;
}

const providerOf = (ctx: Koa.Context): string => text((ctx.params as { provider?: string }).provider);

/** The steps. */
export function upstreamLogoutSteps(
  rooms: Pick<UpstreamRooms, 'configuration' | 'sealer' | 'upstream' | 'events' | 'log'>,
): UpstreamLogoutSteps {
  const { upstream, events, log } = rooms;
  const { issuer } = rooms.configuration;
  // Anybody can send some.
  const isLogged = (ctx: Koa.Context): boolean => admitRefusalLine(log, addressGroup(ctx.ip).subscriber);
  const goOn = (ctx: Koa.Context): void => seeOther(ctx, endDeparture(ctx, rooms)?.to ?? '/');

  return {
    async receive(ctx) {
      ctx.set('Cache-Control', 'no-store');
      const id = providerOf(ctx);
      const received = await upstream.receiveLogout(id, text(fieldsOf(ctx).logout_token));
      switch (received?.outcome) {
        case undefined:
          return;
        case 'ended':
          for (const accountId of received.accountIds) {
            events.emit('account.activity', { accountId, kind: 'session-ended' });
          }
          ctx.status = 200;
          ctx.body = '';
          return;
        case 'refused':
          if (isLogged(ctx)) {
            log.info({ kind: id, err: received.cause, address: ctx.ip }, 'a logout token was refused');
          }
          ctx.status = 400;
          ctx.body = { error: 'invalid_request', error_description: 'the logout token is not valid' };
          return;
        case 'unavailable':
          if (isLogged(ctx)) {
            log.warn({ kind: id, err: received.cause }, 'a logout token cannot be verified now');
          }
          ctx.status = 503;
          ctx.body = { error: 'temporarily_unavailable', error_description: 'please send it again' };
          return;
        default:
          received satisfies never;
      }
    },

    async leave(ctx) {
      ctx.set('Cache-Control', 'no-store');
      const provider = providerOf(ctx);
      const url = await upstream.signOutUrl(provider, `${issuer}/upstream/${provider}/signed-out`);
      if (url === undefined) goOn(ctx);
      else seeOther(ctx, url.href);
    },

    async left(ctx) {
      ctx.set('Cache-Control', 'no-store');
      goOn(ctx);
    },
  };
}
