import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Clients } from '../../clients/clients.ts';
import { assuranceClaims } from '../sign-in/assurance.ts';
import { exchangeClaims } from './token-exchange.ts';

/** What access tokens carry beyond what the engine puts into them. */
export function tokenClaims(rooms: {
  configuration: Configuration;
  clients: Pick<Clients, 'find'>;
}): NonNullable<EngineConfiguration['extraTokenClaims']> {
  const ofExchange = rooms.configuration.features.tokenExchange ? exchangeClaims(rooms.clients) : undefined;
  return async (ctx, token) => {
    const claims = { ...assuranceClaims(ctx, token), ...(await ofExchange?.(ctx, token)) };
    return Object.keys(claims).length === 0 ? undefined : claims;
  };
}
