/** Clients of the FAPI plans, each held to its profile. */
import { credentialsOf } from './credentials.ts';
import type { Register } from './registration.ts';

const SINGLE_FACTOR = 'https://refeds.org/profile/sfa';

/** What differs between plans and variants. */
export interface FapiClients {
  profile: 'fapi2-security' | 'fapi2-message-signing' | 'fapi1-advanced' | 'fapi-ciba';
  authentication: 'private_key_jwt' | 'mtls';
  constraint: 'dpop' | 'mtls';
  /** Members besides. */
  members?: Record<string, unknown>;
}

/** Registers the two clients of a plan, and answers their members of its configuration. */
export async function registerFapiClients(
  register: Register,
  base: string,
  folder: string,
  clients: FapiClients,
): Promise<Record<string, unknown>> {
  const first = await registerOne(register, [`${base}/callback`], folder, 'first', clients);
  // The suite tries the second client's redirect URI with a query as well.
  const redirectUris = [`${base}/callback?dummy1=lorem&dummy2=ipsum`];
  const second = await registerOne(register, redirectUris, folder, 'second', clients);
  return { client: first.client, mtls: first.mtls, client2: second.client, mtls2: second.mtls };
}

/**
 * The same for clients that ask the person of this `login` in the background, and are told that somebody has answered by `mode`
 * (OpenID Connect CIBA Core §4).
 */
export async function registerBackchannelClients(
  register: Register,
  base: string,
  folder: string,
  { mode, login, ...clients }: FapiClients & { mode: 'poll' | 'ping'; login: string },
): Promise<Record<string, unknown>> {
  const registered = await registerFapiClients(register, base, folder, {
    ...clients,
    members: {
      redirect_uris: [],
      grant_types: ['urn:openid:params:grant-type:ciba', 'refresh_token'],
      backchannel_token_delivery_mode: mode,
      ...(mode === 'ping'
        ? { backchannel_client_notification_endpoint: `${base}/ciba-notification-endpoint` }
        : {}),
    },
  });
  const hint = { hint_type: 'login_hint', hint_value: login };
  return {
    ...registered,
    client: { ...(registered.client as object), ...hint },
    // What a sign-in by password is worth: the answer must say so.
    client2: { ...(registered.client2 as object), ...hint, acr_value: SINGLE_FACTOR },
  };
}

async function registerOne(
  register: Register,
  redirectUris: string[],
  folder: string,
  name: string,
  { profile, authentication, constraint, members }: FapiClients,
) {
  const { publicJwk, privateJwk, certifiedJwk, mtls } = await credentialsOf(folder, name);
  const keys = [publicJwk, ...(authentication === 'mtls' ? [certifiedJwk] : [])];
  const { client_id } = await register({
    client_name: `FAPI client (${name})`,
    profile,
    redirect_uris: redirectUris,
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'openid profile email offline_access',
    token_endpoint_auth_method: authentication === 'mtls' ? 'self_signed_tls_client_auth' : 'private_key_jwt',
    ...(constraint === 'dpop'
      ? { dpop_bound_access_tokens: true }
      : { tls_client_certificate_bound_access_tokens: true }),
    jwks: { keys },
    ...members,
  });
  return {
    client: {
      client_id,
      scope: 'openid email',
      jwks: { keys: [privateJwk] },
      ...(constraint === 'dpop' ? { dpop_signing_alg: 'PS256' } : {}),
    },
    mtls,
  };
}
