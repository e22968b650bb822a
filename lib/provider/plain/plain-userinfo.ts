import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { isFirstGeneration } from '../../clients/metadata/profile-metadata.ts';
import { type EngineEndpoint, runEngineSteps, USERINFO } from '../engine/engine-steps.ts';
import { profileOf } from '../requests/client-profile.ts';

/** An opaque token, in the header (RFC 6750 §2.1); JWTs have dots. */
const BEARER = /^Bearer [\w-]+$/;

/** Ends here for clients that are answered with a JWT, or with an identifier of the call (fapi-interaction-id.ts). */
const plainClientsOnly: Koa.Middleware = (ctx, next) => {
  const { client } = (ctx as unknown as KoaContextWithOIDC).oidc;
  const isJwt = client?.userinfoSignedResponseAlg ?? client?.userinfoEncryptedResponseAlg;
  return isJwt !== undefined || isFirstGeneration(profileOf(client)) ? undefined : next();
};

const PLAIN: EngineEndpoint = {
  route: USERINFO.route,
  steps: [...USERINFO.steps.slice(0, -1), plainClientsOnly, ...USERINFO.steps.slice(-1)],
};

/**
 * Answers the plainest requests for userinfo (OpenID Connect Core §5.3): a token in the header, claims as JSON. All of it is decided by the
 * engine's own steps.
 */
export function plainUserinfo(provider: Provider): (ctx: Koa.Context) => Promise<unknown> {
  return async (ctx) => {
    if (!BEARER.test(ctx.req.headers.authorization ?? '')) return undefined;
    await runEngineSteps(provider, PLAIN, ctx, {});
    return ctx.body;
  };
}
