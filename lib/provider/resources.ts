import {
  type Client,
  type Configuration as EngineConfiguration,
  errors,
  type KoaContextWithOIDC,
  type ResourceServer,
} from 'oidc-provider';
import type { Api, Apis } from '../clients/apis.ts';
import type { Clients, StoredClient } from '../clients/clients.ts';
import { whileAvailable } from './engine/engine-storage.ts';
import { assertProfiledTokens } from './requests/profiles.ts';

/**
 * APIs as resource servers: RFC 8707 resource indicators, and JWT access tokens by the RFC 9068 profile
 * (`typ: at+jwt`, exactly one audience). Without a resource an access token is opaque and good for userinfo alone.
 */
export function resources(
  apis: Pick<Apis, 'find'>,
  clients: Pick<Clients, 'find'>,
  algorithms: ReadonlyArray<string>,
): NonNullable<NonNullable<EngineConfiguration['features']>['resourceIndicators']> {
  return {
    enabled: true,
    defaultResource: (ctx, client, oneOf) =>
      // undefined: none, which the types do not know of.
      oneOf === undefined ? (usualResource(ctx, client) as never) : (oneOf[0] as string),
    // A client that asked for an API's token at authorization wants it from the token endpoint as well.
    useGrantedResource: () => true,
    getResourceServerInfo: async (_ctx, identifier, client) => {
      const api = await whileAvailable(() => apis.find(identifier));
      if (api === undefined) throw new errors.InvalidTarget('resource indicator is not a registered API');
      // Its keys were retired with the algorithm: there is nothing to sign with until the operator gives it another.
      if (api.tokenFormat === 'jwt' && !algorithms.includes(api.algorithm)) {
        throw new errors.InvalidTarget(
          `the API wants tokens signed with ${api.algorithm}, which is not configured`,
        );
      }
      if (api.tokenFormat === 'jwt') assertProfiledTokens(client, api.algorithm);
      return describe(api, await whileAvailable(() => clients.find(client.clientId)));
    },
  };
}

/**
 * The API that a client means which names none (RFC 8707 §2), as its registration says. A token for a sign-in is for userinfo
 * where no API is named: whoever asks for `openid` has to name one.
 */
function usualResource({ oidc }: KoaContextWithOIDC, client: Client): string | undefined {
  const { default_resource: usual } = client as { default_resource?: string };
  const scope = oidc.params?.scope;
  return typeof scope === 'string' && scope.split(' ').includes('openid') ? undefined : usual;
}

/** The API as one client may use it: the engine knows the scopes of OpenID alone, so those of APIs are held back here. */
function describe(api: Api, client: StoredClient | undefined): ResourceServer {
  const registered = client?.scopes;
  const scopes = registered === undefined ? api.scopes : api.scopes.filter((scope) => registered.has(scope));
  return {
    scope: scopes.join(' '),
    audience: api.identifier,
    ...(api.lifetime === undefined ? {} : { accessTokenTTL: api.lifetime }),
    accessTokenFormat: api.tokenFormat,
    ...(api.tokenFormat === 'jwt' ? { jwt: { sign: { alg: api.algorithm as 'ES256' } } } : {}),
  };
}
