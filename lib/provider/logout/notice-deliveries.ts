import type Provider from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Deliver } from '../../notifications/notification-delivery.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { DEVICE_NOTICE, deliverPing, deliverToDevice, PING_NOTICE } from '../devices/ciba.ts';
import { deliverLogout, LOGOUT_NOTICE } from './backchannel-logout.ts';

/** How each kind of notice that the protocol knows is delivered, by the engine that is current then. */
export function noticeDeliveries(
  engine: () => Provider,
  rooms: { configuration: Configuration; safeFetch: SafeFetch },
): ReadonlyMap<string, Deliver> {
  return new Map([
    [LOGOUT_NOTICE, deliverLogout(engine, rooms.safeFetch)],
    [PING_NOTICE, deliverPing(engine, rooms.safeFetch)],
    [DEVICE_NOTICE, deliverToDevice(rooms)],
  ]);
}
