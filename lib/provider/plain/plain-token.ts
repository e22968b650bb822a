import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { ClientThrottle } from '../../authentication/throttling/client-throttle.ts';
import { runEngineSteps, TOKEN } from '../engine/engine-steps.ts';
import { plainFields } from './plain-request.ts';

const CLIENT = ['client_id', 'client_secret'];

/** What a client sends of each grant that is asked for all the time; with anything else it is for the engine to read. */
const FIELDS: ReadonlyMap<unknown, ReadonlySet<string>> = new Map(
  Object.entries({
    authorization_code: ['code', 'redirect_uri', 'code_verifier', 'resource'],
    client_credentials: ['scope', 'resource'],
    refresh_token: ['refresh_token', 'scope', 'resource'],
  }).map(([grantType, fields]) => [grantType, new Set(['grant_type', ...CLIENT, ...fields])]),
);

/**
 * Answers the plainest token requests (RFC 6749 §4.1.3, §4.4.2, §6): a client that authenticates with its secret, or has none, and one of the
 * three grants. All of it is decided by the engine's own steps.
 */
export function plainToken(
  provider: Provider,
  { clientThrottle }: { clientThrottle: ClientThrottle },
): (ctx: Koa.Context, body: Buffer) => Promise<unknown> {
  return async (ctx, body) => {
    const fields = plainFields(body, ({ grant_type: grantType }) => FIELDS.get(grantType));
    if (fields === undefined) return undefined;
    const { client } = await runEngineSteps(provider, TOKEN, ctx, fields);
    if (client !== undefined && client.clientAuthMethod !== 'none') {
      clientThrottle.succeeded(client.clientId, ctx.ip);
    }
    return ctx.body;
  };
}
