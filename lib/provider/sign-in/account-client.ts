import type { Clients, StoredClient } from '../../clients/clients.ts';

/**
 * The name under which the account page asks the engine to sign somebody in. No application can be registered with it: a
 * colon is not among the characters of a registered client_id.
 */
export const ACCOUNT_CLIENT_ID = 'latchkey:account';

/** Where the engine sends the browser back to. */
export const ACCOUNT_SIGNED_IN_PATH = '/account/signed-in';

/**
 * The account page as the engine sees it: a client that wants nobody's data and no token, only to have somebody signed in
 * (OAuth 2.0 Multiple Response Types §4, `response_type=none`). What a sign-in takes is then the engine's own decision here as anywhere.
 */
function accountClient(issuer: string, name: string): StoredClient {
  const metadata = {
    client_name: name,
    application_type: 'web' as const,
    grant_types: [],
    response_types: ['none' as const],
    response_modes: ['query' as const],
    redirect_uris: [`${issuer}${ACCOUNT_SIGNED_IN_PATH}`],
    post_logout_redirect_uris: [],
    token_endpoint_auth_method: 'none' as const,
  };
  return {
    clientId: ACCOUNT_CLIENT_ID,
    metadata: Object.freeze(metadata) as unknown as StoredClient['metadata'],
    scopes: new Set(['openid']),
    engineMetadata: Object.freeze({ client_id: ACCOUNT_CLIENT_ID, ...metadata, scope: 'openid' }),
    secretDigest: null,
    origin: 'operator',
    registrationTokenDigest: null,
    problem: undefined,
    createdAt: 0,
    updatedAt: 0,
  };
}

/** The registered applications, and the account page with them where one is looked up by its name; no list has it. */
export function withAccountClient(
  clients: Clients,
  { issuer, branding }: { issuer: string; branding: { name: string } },
): Clients {
  const ours = accountClient(issuer, branding.name);
  return { ...clients, find: (clientId) => (clientId === ACCOUNT_CLIENT_ID ? ours : clients.find(clientId)) };
}
