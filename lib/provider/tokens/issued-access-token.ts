import type {
  KoaContextWithOIDC,
  Provider,
  ResourceServerInstance,
  TokenEndpointGrantContext,
} from 'oidc-provider';
import {
  buildTokenResponse,
  checkDpopReplay,
  checkDpopRequired,
  checkMtlsCert,
  validateDpop,
} from 'oidc-provider/lib/helpers/grants.js';

/** The keys of which a token request has given proof (RFC 9449, RFC 8705). */
export interface PresentedKeys {
  proof: Awaited<ReturnType<typeof validateDpop>>;
  certificate: ReturnType<typeof checkMtlsCert>;
}

/** Reads them. Throws the engine's errors for a proof that is wrong, or lacking where the client must give one. */
export async function presentedKeys(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
): Promise<PresentedKeys> {
  const proof = await validateDpop(provider, ctx);
  checkDpopRequired(provider, ctx, proof);
  return { proof, certificate: checkMtlsCert(provider, ctx) };
}

type AccessToken = InstanceType<Provider['AccessToken']>;

/**
 * Where grants of our own making end: a person's access token for one API, bound to the keys that were presented, as the answer. It
 * lives for the API's time, the `usual` one or what `remains` of what it was made from (s), whichever is shortest by that order.
 * `beforeSave` is for what must be the last check, or go along with the token.
 */
export async function answerWithAccessToken(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  options: {
    grantType: string;
    accountId: string;
    resourceServer: ResourceServerInstance;
    scope: string | undefined;
    lifetime: { usual: number; remaining: number };
    keys: PresentedKeys;
    members?: Record<string, unknown>;
    issuedTokenType?: string;
    beforeSave: (token: AccessToken) => void | Promise<void>;
  },
): Promise<void> {
  const { client } = ctx.oidc;
  const { accountId, resourceServer, scope, lifetime, keys, issuedTokenType } = options;
  const token = new provider.AccessToken({
    accountId,
    client,
    gty: options.grantType,
    expiresIn: Math.min(resourceServer.accessTokenTTL ?? lifetime.usual, lifetime.remaining),
    ...options.members,
  } as unknown as ConstructorParameters<typeof provider.AccessToken>[0]);
  token.resourceServer = resourceServer;
  if (scope !== undefined) token.scope = scope;
  if (keys.certificate !== undefined) token.setThumbprint('x5t', keys.certificate);
  if (keys.proof !== undefined) {
    await checkDpopReplay(provider, ctx, keys.proof, client.clientId);
    token.setThumbprint('jkt', keys.proof.thumbprint);
  }
  await options.beforeSave(token);
  (ctx as unknown as KoaContextWithOIDC).oidc.entity('AccessToken', token);
  const accessToken = await token.save();
  const { expiration: expiresIn, tokenType } = token;
  ctx.body = buildTokenResponse(provider, {
    accessToken,
    expiresIn,
    scope,
    tokenType,
    ...(issuedTokenType === undefined ? {} : { issuedTokenType }),
  });
}
