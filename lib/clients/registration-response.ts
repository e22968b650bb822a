import type { StoredClient } from './stored-client.ts';

/**
 * The client information response of RFC 7591 §3.2.1: everything registered, and the secret if it was made just now.
 * Times are in seconds; `client_secret_expires_at` 0 means that it does not expire.
 */
export function registrationResponse(client: StoredClient, clientSecret?: string): Record<string, unknown> {
  return {
    client_id: client.clientId,
    client_id_issued_at: Math.floor(client.createdAt / 1000),
    ...(clientSecret === undefined ? {} : { client_secret: clientSecret }),
    ...(client.secretDigest === null ? {} : { client_secret_expires_at: 0 }),
    ...client.metadata,
  };
}
