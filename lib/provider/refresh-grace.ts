import type { Configuration } from '../../config/configuration.ts';
import type { Clients } from '../clients/clients.ts';

/**
 * How long (s) a refresh token that was already exchanged still answers with the same successor: the client's own
 * `refresh_token_grace`, else the configured one. Two tabs, or a retry after a lost response, are not theft.
 */
export function refreshGrace(
  clients: Clients,
  lifetimes: Configuration['lifetimes'],
): (payload: { clientId?: unknown }) => number {
  return ({ clientId }) => {
    const own = clients.find(String(clientId))?.metadata.refresh_token_grace;
    return typeof own === 'number' ? own : lifetimes.refreshTokenGrace;
  };
}
