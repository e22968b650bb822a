import type Provider from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Clients } from '../../clients/clients.ts';
import type { UnusedClients } from '../../clients/unused-clients.ts';
import { REGISTRATION_PATH } from './registration-endpoint.ts';

/** What discovery says of applications that nobody has registered before (RFC 8414 §2, client ID metadata documents §6), and what they must name. */
export function registrationDiscovery({
  issuer,
  clientRegistration,
  clientDocuments,
  features,
}: Configuration): Record<string, unknown> {
  return {
    ...(clientRegistration.mode === 'off' ? {} : { registration_endpoint: `${issuer}${REGISTRATION_PATH}` }),
    // OpenID Connect Discovery §3: nothing is fetched that was not named before.
    ...(features.requestUris ? { require_request_uri_registration: true } : {}),
    ...(clientDocuments.enabled ? { client_id_metadata_document_supported: true } : {}),
  };
}

/** Has it noted which applications are used: those that registered themselves are deleted when they are not. */
export function noteUse(
  provider: Provider,
  { clients, unusedClients }: { clients: Pick<Clients, 'find'>; unusedClients: Pick<UnusedClients, 'used'> },
): void {
  provider.on('grant.success', async ({ oidc }) => {
    const clientId = oidc.client?.clientId;
    if (clientId === undefined) return;
    try {
      const client = await clients.find(clientId);
      if (client !== undefined) unusedClients.used(client);
    } catch {
      // A directory in trouble has told the request itself; the next use is noted.
    }
  });
}
