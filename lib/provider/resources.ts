import { type Configuration as EngineConfiguration, errors, type ResourceServer } from 'oidc-provider';
import type { Api, Apis } from '../clients/apis.ts';

/**
 * APIs as resource servers: RFC 8707 resource indicators, and JWT access tokens by the RFC 9068 profile
 * (`typ: at+jwt`, exactly one audience). Without a resource an access token is opaque and good for userinfo alone.
 */
export function resources(
  apis: Apis,
): NonNullable<NonNullable<EngineConfiguration['features']>['resourceIndicators']> {
  return {
    enabled: true,
    // undefined: no resource unless the client asks for one.
    defaultResource: (_ctx, _client, oneOf) => (oneOf === undefined ? (undefined as never) : (oneOf[0] as string)),
    // A client that asked for an API's token at authorization wants it from the token endpoint as well.
    useGrantedResource: () => true,
    getResourceServerInfo: async (_ctx, identifier) => {
      const api = await apis.find(identifier);
      if (api === undefined) throw new errors.InvalidTarget('resource indicator is not a registered API');
      return describe(api);
    },
  };
}

function describe(api: Api): ResourceServer {
  return {
    scope: api.scopes.join(' '),
    audience: api.identifier,
    ...(api.lifetime === undefined ? {} : { accessTokenTTL: api.lifetime }),
    accessTokenFormat: api.tokenFormat,
    ...(api.tokenFormat === 'jwt' ? { jwt: { sign: { alg: api.algorithm as 'ES256' } } } : {}),
  };
}
