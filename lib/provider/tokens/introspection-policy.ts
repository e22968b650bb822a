import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { Clients } from '../../clients/clients.ts';
import { whileAvailable } from '../engine/engine-storage.ts';

/** Whether a client may hear of a token; rejects with the protocol's `temporarily_unavailable` when that cannot be found out. */
export type IntrospectionPolicy = (
  client: { clientId: string; resource_server?: unknown },
  token: { clientId?: string | undefined; aud?: unknown; accountId?: string | undefined },
) => Promise<boolean>;

/**
 * A client sees its own tokens, an API those meant for it; a token of somebody disabled, or issued to a client that is gone,
 * is not active (RFC 7662 §2.2 and §4: scan protection).
 */
export function introspectionPolicy({
  clients,
  accounts,
}: {
  clients: Pick<Clients, 'find'>;
  accounts: Pick<AccountAdapter, 'findBySub'>;
}): IntrospectionPolicy {
  return async (client, token) => {
    const ownToken = token.clientId === client.clientId;
    const meantForThisApi = token.aud !== undefined && token.aud === client.resource_server;
    if (!ownToken && !meantForThisApi) return false;
    const issuedTo = await whileAvailable(() => clients.find(String(token.clientId)));
    if (issuedTo === undefined || issuedTo.problem !== undefined) return false;
    const { accountId } = token;
    if (accountId === undefined) return true;
    const account = await whileAvailable(() => accounts.findBySub(accountId));
    return account !== undefined && !account.disabled;
  };
}
