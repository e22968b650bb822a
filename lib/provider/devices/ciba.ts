import type Provider from 'oidc-provider';
import { type Configuration as EngineConfiguration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { AuthenticationRequests } from '../../authentication/authentication-requests.ts';
import { POLL_INTERVAL_SECONDS } from '../../authentication/throttling/poll-pace.ts';
import type { Clients } from '../../clients/clients.ts';
import { type Deliver, Obsolete, Undeliverable } from '../../notifications/notification-delivery.ts';
import type { Notice, Notifications } from '../../notifications/notifications.ts';
import { createSafeFetch, type SafeFetch } from '../../outbound/safe-fetch.ts';
import { type EngineBackchannelRequest, prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { NoticeNotTaken, postNotice } from '../logout/post-notice.ts';
import { assertProfiledBinding } from '../requests/profiles.ts';
import { assertReachable } from '../sign-in/assurance.ts';

/** Kinds of notices: to the client that somebody has answered, to the person's device and to their mailbox that they are asked. */
export const PING_NOTICE = 'ciba-ping';
export const DEVICE_NOTICE = 'ciba-device';
export const MAIL_NOTICE = 'ciba-mail';

/** Where a person decides. */
export const REQUESTS_PATH = '/account/requests';

/** A line that a person compares with what their other device shows (OpenID Connect CIBA Core §7.1). */
const BINDING_MESSAGE = /^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u;

/** What the hook needs. */
export interface CibaRooms {
  configuration: Configuration;
  accounts: AccountAdapter;
  clients: Pick<Clients, 'find'>;
  requests: AuthenticationRequests;
  notifications: Notifications;
}

/** A request that a person is to be told of. */
interface Asked {
  id: string;
  accountId: string;
  clientId: string;
  bindingMessage: string | undefined;
  /** Unix time, ms. */
  expiresAt: number;
}

async function askPerson(
  ctx: KoaContextWithOIDC,
  request: EngineBackchannelRequest,
  { configuration, clients, requests, notifications }: CibaRooms,
): Promise<void> {
  const { deviceUrl } = configuration.features.ciba;
  const { jti: requestId, clientId, accountId, expiration } = request;
  const { binding_message: given } = request.params;
  const bindingMessage = typeof given === 'string' ? given : undefined;
  const client = await whileAvailable(() => clients.find(clientId));
  const details = { requestId, clientId, bindingMessage, unverified: client?.origin !== 'operator' };
  const kept = await whileAvailable(() => requests.add(accountId, details, expiration));
  if (kept.outcome === 'too_many') {
    throw new errors.InvalidRequest('too many requests wait for this person');
  }
  const asked: Asked = {
    ...{ id: kept.id, accountId, clientId, bindingMessage },
    expiresAt: Date.now() + expiration * 1000,
  };
  const kinds = [MAIL_NOTICE, ...(deviceUrl === undefined ? [] : [DEVICE_NOTICE])];
  const notices = kinds.map((kind): Notice => ({ kind, recipient: clientId, details: { ...asked } }));
  await whileAvailable(() => notifications.add(notices));
  // The same pace as for devices; the engine leaves `interval` out.
  Object.assign(ctx.body as object, { interval: POLL_INTERVAL_SECONDS });
}

/** Client-initiated backchannel authentication as the engine is configured for it (OpenID Connect CIBA Core). */
export function ciba(rooms: CibaRooms): NonNullable<NonNullable<EngineConfiguration['features']>['ciba']> {
  const { configuration, accounts } = rooms;
  return {
    enabled: configuration.features.ciba.enabled,
    deliveryModes: ['poll', 'ping'],
    processLoginHint: async (_ctx, hint) =>
      (await whileAvailable(() => accounts.findByLogin(String(hint))))?.sub,
    processLoginHintToken: () => {
      throw new errors.InvalidRequest('login_hint_token is not supported: use login_hint or id_token_hint');
    },
    validateBindingMessage: (ctx, message) => {
      assertProfiledBinding(ctx.oidc.client, message);
      if (message === undefined || BINDING_MESSAGE.test(message)) return;
      throw new errors.InvalidBindingMessage(
        'binding_message must be one line of at most 100 characters that can be shown',
      );
    },
    // A context is not looked at. Details would have to be shown, and be in the tokens.
    validateRequestContext: (ctx) => {
      assertReachable(ctx, configuration);
      if (ctx.oidc.params?.authorization_details === undefined) return;
      throw new errors.InvalidRequest('authorization_details cannot be asked for in this way');
    },
    // People have no such codes (`backchannel_user_code_parameter`).
    verifyUserCode: () => {},
    triggerAuthenticationDevice: (ctx, request) =>
      askPerson(ctx, request as unknown as EngineBackchannelRequest, rooms),
  };
}

/** How long (s) a request waits: as long as its client wants, within what is configured (§7.1 `requested_expiry`). */
export function backchannelRequestLifetime(
  configured: number,
): (ctx: KoaContextWithOIDC | undefined) => number {
  return (ctx) => {
    const requested = Number(ctx?.oidc?.params?.requested_expiry ?? configured);
    return Math.max(1, Math.min(requested, configured));
  };
}

/** Makes the engine leave a notice where it would call the client while the person waits (§10.2). */
export function leavePings(provider: Provider, notifications: Notifications): void {
  const { Client } = prototypesOf(provider);
  Client.prototype.backchannelPing = function leavePing(request) {
    const token = request.params.client_notification_token;
    const details = { clientId: this.clientId, requestId: request.jti, token, expiresAt: request.exp * 1000 };
    return notifications.add([{ kind: PING_NOTICE, recipient: this.clientId, details }]);
  };
}

/** Tells a client that its request was answered (§10.2). */
export function deliverPing(engine: () => Provider, safeFetch: SafeFetch): Deliver {
  return async (details) => {
    const { clientId, requestId, token, expiresAt } = details as Record<
      'clientId' | 'requestId' | 'token',
      string
    > & {
      expiresAt: number;
    };
    refuseLate(expiresAt);
    const client = await engine().Client.find(clientId);
    const uri = client?.backchannelClientNotificationEndpoint;
    if (typeof uri !== 'string') throw new Undeliverable('the client takes no such notices any more');
    try {
      await postNotice(safeFetch, uri, {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ auth_req_id: requestId }),
      });
    } catch (error) {
      // Who refuses the token once refuses it again, and no redirect is followed (§10.2); the client may still poll.
      if (error instanceof NoticeNotTaken && error.isFinal) throw new Undeliverable(error.message);
      throw error;
    }
  };
}

/** Tells the operator's own service, which brings it to the person's device. */
export function deliverToDevice({ configuration }: Pick<CibaRooms, 'configuration'>): Deliver {
  // Whom the operator names may be anywhere.
  const safeFetch = createSafeFetch({ privateNetworks: ['0.0.0.0/0', '::/0'] });
  const { issuer, features } = configuration;
  const { deviceUrl, deviceToken } = features.ciba;
  return async (details) => {
    const { id, accountId, clientId, bindingMessage, expiresAt } = details as unknown as Asked;
    if (deviceUrl === undefined) throw new Obsolete('features.ciba.device_url is not set any more');
    refuseLate(expiresAt);
    await postNotice(safeFetch, deviceUrl, {
      headers: {
        'content-type': 'application/json',
        ...(deviceToken === undefined ? {} : { authorization: `Bearer ${deviceToken}` }),
      },
      body: JSON.stringify({
        id,
        sub: accountId,
        client_id: clientId,
        binding_message: bindingMessage,
        expires_at: new Date(expiresAt).toISOString(),
        approval_uri: `${issuer}${REQUESTS_PATH}`,
      }),
    });
  };
}

/** Hands a mail to the person over. */
export function deliverByMail(
  accounts: AccountAdapter,
  send: (to: string, mail: { locale: unknown; expiresAt: number }) => void,
): Deliver {
  return async (details) => {
    const { accountId, expiresAt } = details as unknown as Asked;
    refuseLate(expiresAt);
    const account = await accounts.findBySub(accountId);
    const email = account?.claims.email;
    if (account === undefined || account.disabled || typeof email !== 'string') {
      throw new Obsolete('the person has no mail address');
    }
    send(email, { locale: account.claims.locale, expiresAt });
  };
}

function refuseLate(expiresAt: number): void {
  if (expiresAt <= Date.now()) throw new Obsolete('the request is over');
}
