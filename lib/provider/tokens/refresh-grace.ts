import type { Configuration } from '../../../config/configuration.ts';
import type { Clients, StoredClient } from '../../clients/clients.ts';
import type { MaybePromise } from '../../database/prepared-query.ts';

/**
 * How long (s) a refresh token that was already exchanged still answers with the same successor: the client's own
 * `refresh_token_grace`, else the configured one. Two tabs, or a retry after a lost response, are not theft.
 */
export function refreshGrace(
  clients: Clients,
  lifetimes: Configuration['lifetimes'],
): (payload: { clientId?: unknown }) => MaybePromise<number> {
  const graceOf = (client: StoredClient | undefined): number => {
    const own = client?.metadata.refresh_token_grace;
    return typeof own === 'number' ? own : lifetimes.refreshTokenGrace;
  };
  return ({ clientId }) => {
    const found = clients.find(String(clientId));
    return found instanceof Promise ? found.then(graceOf) : graceOf(found);
  };
}
