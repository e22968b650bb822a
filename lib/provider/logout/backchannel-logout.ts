import { randomBytes } from 'node:crypto';
import type Provider from 'oidc-provider';
import type { Clients } from '../../clients/clients.ts';
import type { EndingSession } from '../../grants/grants.ts';
import type { Deliver } from '../../notifications/notification-delivery.ts';
import { Undeliverable } from '../../notifications/notification-delivery.ts';
import type { Notice, Notifications } from '../../notifications/notifications.ts';
import type { Log } from '../../observability/log.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { prototypesOf } from '../engine/engine-context.ts';
import { postNotice } from './post-notice.ts';

/** The kind of notice that ends as a logout token. */
export const LOGOUT_NOTICE = 'backchannel-logout';

/** The event of a logout token (OpenID Connect Back-Channel Logout §2.4). */
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** What a logout token is made from when it is sent: its lifetime is short, and the key that signs may change before. */
interface LogoutDetails {
  clientId: string;
  accountId: string;
  sid?: string | undefined;
  /** The same in every attempt, so that the client recognises a repetition. */
  jti: string;
}

function logoutNotice(logout: Omit<LogoutDetails, 'jti'>): Notice {
  return {
    kind: LOGOUT_NOTICE,
    recipient: logout.clientId,
    details: { ...logout, jti: randomBytes(16).toString('base64url') },
  };
}

/** Keeps a notice for each client of these sessions that registered a `backchannel_logout_uri`. */
export async function announceEndings(
  sessions: readonly EndingSession[],
  { clients, notifications }: { clients: Clients; notifications: Notifications },
): Promise<void> {
  const notices: Notice[] = [];
  for (const { accountId, clients: places } of sessions) {
    for (const { clientId, sid } of places) {
      const client = await clients.find(clientId);
      if (client?.engineMetadata.backchannel_logout_uri === undefined) continue;
      notices.push(logoutNotice({ clientId, accountId, sid }));
    }
  }
  await notifications.add(notices);
}

/**
 * Makes the engine's logouts leave notices instead of calling each client while the person waits. They are kept before the
 * session ends: should the process end in between, a client hears of a logout that did not come to pass, never the reverse.
 */
export function leaveLogoutNotices(
  provider: Provider,
  { notifications, log }: { notifications: Notifications; log: Log },
): void {
  const { Client } = prototypesOf(provider);
  Client.prototype.backchannelLogout = function leaveLogoutNotice(accountId, sid) {
    return notifications.add([logoutNotice({ clientId: this.clientId, accountId, sid })]);
  };
  // The person is logged out here all the same.
  provider.on('backchannel.error', (_ctx, err, client) => {
    log.error({ err, clientId: client.clientId }, 'a client cannot be told of a logout: it cannot be kept');
  });
}

/** Sends a logout token (OpenID Connect Back-Channel Logout §2.5), signed now, with the keys of now. */
export function deliverLogout(engine: () => Provider, safeFetch: SafeFetch): Deliver {
  return async (details) => {
    const { clientId, accountId, sid, jti } = details as unknown as LogoutDetails;
    const provider = engine();
    const { IdToken } = prototypesOf(provider);
    const client = await provider.Client.find(clientId);
    const uri = client?.backchannelLogoutUri;
    if (client === undefined || typeof uri !== 'string') {
      throw new Undeliverable('the client takes no such notices any more');
    }
    const token = new IdToken({ sub: accountId }, { client, ctx: undefined });
    token.mask = { sub: null };
    token.set('events', { [EVENT]: {} });
    token.set('jti', jti);
    if (client.backchannelLogoutSessionRequired === true) token.set('sid', sid);
    await postNotice(safeFetch, uri, {
      body: new URLSearchParams({ logout_token: await token.issue({ use: 'logout' }) }),
    });
  };
}
