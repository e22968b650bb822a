import type { Configuration as EngineConfiguration, KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { Apis } from '../clients/apis.ts';
import type { Clients } from '../clients/clients.ts';
import type { Sealer } from '../database/sealer.ts';
import type { Grants } from '../grants/grants.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import { clientAttestation } from './client-authentication/client-attestation.ts';
import { dpop } from './client-authentication/dpop.ts';
import { mutualTls } from './client-authentication/mutual-tls.ts';
import { type CibaRooms, ciba } from './devices/ciba.ts';
import { deviceFlow } from './devices/device-flow.ts';
import type { DevicePages } from './devices/device-page-contract.ts';
import type { FrontChannelPage } from './logout/front-channel-logout.ts';
import { type LoggedOutPage, type LogoutPage, rpInitiatedLogout } from './logout/logout-form.ts';
import { richAuthorizationRequests } from './requests/authorization-details.ts';
import { fapi } from './requests/profiles.ts';
import { requestObjects } from './requests/request-objects.ts';
import { resources } from './resources.ts';
import { introspectionPolicy } from './tokens/introspection-policy.ts';

/** Pages that the engine asks its host to draw. */
export interface EnginePages {
  /** The languages that there are pages in, as BCP 47 tags. */
  readonly locales: readonly string[];
  /** A protocol error that cannot be sent to a client. */
  error(
    ctx: KoaContextWithOIDC,
    out: { error: string; error_description?: string | undefined },
    error: Error,
  ): Promise<void>;
  logout: LogoutPage;
  loggedOut: LoggedOutPage;
  frontChannelLogout: FrontChannelPage;
  /** The browser came back to an authorization that is over or was never its own. */
  interrupted(ctx: KoaContextWithOIDC): Promise<void>;
  device: DevicePages;
}

/** Which of the engine's features are on, and their policies. What is not named here is off. */
export function features(
  rooms: {
    configuration: Configuration;
    apis: Apis;
    clients: Clients;
    accounts: AccountAdapter;
    keys: SigningKeys;
    sealer: Sealer;
    grants: Pick<Grants, 'rememberedSince'>;
    safeFetch: SafeFetch;
    /** Names of the types of authorization details that APIs define. */
    detailTypes: Iterable<string>;
  } & CibaRooms,
  pages: EnginePages,
): NonNullable<EngineConfiguration['features']> {
  const { configuration, apis, clients } = rooms;
  const switches = configuration.features;
  const mayHearOf = introspectionPolicy(rooms);
  return {
    devInteractions: { enabled: false },
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    userinfo: { enabled: true },
    clientCredentials: { enabled: true },
    pushedAuthorizationRequests: {
      enabled: true,
      requirePushedAuthorizationRequests: switches.pushedRequests === 'required',
    },
    fapi: fapi(),
    requestObjects: requestObjects(switches.requestObjects),
    claimsParameter: { enabled: switches.claimsParameter },
    jwtResponseModes: { enabled: switches.jwtResponses },
    jwtUserinfo: { enabled: switches.jwtUserinfo },
    jwtIntrospection: { enabled: switches.jwtIntrospection },
    encryption: { enabled: switches.encryption },
    webMessageResponseMode: { enabled: switches.webMessage, ack: 'individual-draft-01' },
    dPoP: dpop(rooms),
    deviceFlow: deviceFlow(configuration, pages),
    ciba: ciba(rooms),
    mTLS: mutualTls(switches),
    attestClientAuth: clientAttestation(rooms),
    resourceIndicators: resources(apis, clients, configuration.keys.algorithms),
    richAuthorizationRequests: richAuthorizationRequests(switches.richAuthorizationRequests, rooms),
    introspection: {
      enabled: true,
      allowedPolicy: (_ctx, client, token) => mayHearOf(client, token),
    },
    revocation: {
      enabled: true,
      // RFC 7009 §2.1: the token was issued to the client making the request.
      allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
    },
    backchannelLogout: { enabled: switches.backchannelLogout },
    rpInitiatedLogout: rpInitiatedLogout(pages),
  };
}
