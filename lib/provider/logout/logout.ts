import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Clients } from '../../clients/clients.ts';
import type { Sealer } from '../../database/sealer.ts';
import type { Notifications } from '../../notifications/notifications.ts';
import type { Log } from '../../observability/log.ts';
import { addSessionState, CHECK_SESSION_PATH } from '../sign-in/session-management.ts';
import { leaveLogoutNotices } from './backchannel-logout.ts';
import { type FrontChannelPage, frontChannelLogout } from './front-channel-logout.ts';
import { noteUpstreamDepartures } from './upstream-departure.ts';

/** The ways in which applications hear of a logout; answers what is to be put around the engine. */
export function completeLogout(
  provider: Provider,
  rooms: {
    configuration: Configuration;
    sealer: Sealer;
    clients: Clients;
    notifications: Notifications;
    log: Log;
  },
  draw: FrontChannelPage,
): (engine: Koa.Middleware) => Koa.Middleware {
  const { configuration, sealer, clients } = rooms;
  const { frontchannelLogout, sessionManagement } = configuration.features;
  leaveLogoutNotices(provider, rooms);
  if (sessionManagement) addSessionState(provider, { issuer: configuration.issuer, sealer });
  const withDepartures = noteUpstreamDepartures(provider, { configuration, sealer });
  if (!frontchannelLogout) return withDepartures;
  const withFrames = frontChannelLogout(provider, { clients, draw });
  return (engine) => withFrames(withDepartures(engine));
}

/** What discovery says of the ways to hear of a logout that the engine does not know; each only while it is on. */
export function logoutDiscovery({
  issuer,
  features: { frontchannelLogout, sessionManagement },
}: Configuration): Record<string, unknown> {
  return {
    ...(frontchannelLogout
      ? { frontchannel_logout_supported: true, frontchannel_logout_session_supported: true }
      : {}),
    ...(sessionManagement ? { check_session_iframe: `${issuer}${CHECK_SESSION_PATH}` } : {}),
  };
}
