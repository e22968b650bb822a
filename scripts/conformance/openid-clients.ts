/** Clients of the OpenID Connect plans, as the suite's configuration wants them. */
import { credentialsOf } from './credentials.ts';
import type { Register } from './registration.ts';

const SCOPE = 'openid profile email address phone offline_access';

/** What differs between plans. */
export interface OpenidClients {
  responseTypes: readonly string[];
  responseModes?: readonly string[];
  /** Members besides, given the address under which the suite has this plan's endpoints. */
  members?: (base: string) => Record<string, unknown>;
}

/** Registers the clients that modules of one plan use: two by Basic, one by a secret in the form. */
export async function registerOpenidClients(
  register: Register,
  base: string,
  { responseTypes, responseModes, members }: OpenidClients,
): Promise<Record<string, unknown>> {
  const metadata = {
    redirect_uris: [`${base}/callback`],
    response_types: responseTypes,
    ...(responseModes === undefined ? {} : { response_modes: responseModes }),
    grant_types: grantTypes(responseTypes),
    scope: SCOPE,
    ...members?.(base),
  };
  const client = await register({ ...metadata, client_name: 'First client' });
  const second = await register({ ...metadata, client_name: 'Second client' });
  const byForm = await register({
    ...metadata,
    client_name: 'Client with its secret in the form',
    token_endpoint_auth_method: 'client_secret_post',
  });
  return { client: forSuite(client), client2: forSuite(second), client_secret_post: forSuite(byForm) };
}

/** Registers two clients that authenticate by certificates of their own making (RFC 8705 §2.2). */
export async function registerCertifiedClients(
  register: Register,
  base: string,
  folder: string,
): Promise<Record<string, unknown>> {
  const registerOne = async (name: string) => {
    const { certifiedJwk, mtls } = await credentialsOf(folder, name);
    const { client_id } = await register({
      client_name: `Certified client (${name})`,
      redirect_uris: [`${base}/callback`],
      grant_types: ['authorization_code', 'refresh_token'],
      scope: SCOPE,
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [certifiedJwk] },
    });
    return { client: { client_id }, mtls };
  };
  const first = await registerOne('first');
  const second = await registerOne('second');
  return { client: first.client, mtls: first.mtls, client2: second.client, mtls2: second.mtls };
}

function forSuite({ client_id, client_secret }: Awaited<ReturnType<Register>>) {
  return { client_id, client_secret };
}

/** OpenID Connect Dynamic Client Registration §2: which grants go with which response types. */
function grantTypes(responseTypes: readonly string[]): string[] {
  const words = new Set(responseTypes.flatMap((type) => type.split(' ')));
  return [
    ...(words.has('code') ? ['authorization_code', 'refresh_token'] : []),
    ...(words.has('token') || words.has('id_token') ? ['implicit'] : []),
  ];
}
