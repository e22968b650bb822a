/** Clients of the FAPI plans, each held to its profile. */
import { credentialsOf } from './credentials.ts';
import type { Register } from './registration.ts';

/** What differs between plans and variants. */
export interface FapiClients {
  profile: 'fapi2-security' | 'fapi2-message-signing' | 'fapi1-advanced';
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
