import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { isFirstGeneration } from '../../clients/metadata/profile-metadata.ts';
import { runEngineSteps, USERINFO } from '../engine/engine-steps.ts';
import { profileOf } from '../requests/client-profile.ts';

/** An opaque token, in the header (RFC 6750 §2.1); JWTs have dots. */
const BEARER = /^Bearer [\w-]+$/;

/**
 * Answers the plainest requests for userinfo (OpenID Connect Core §5.3): a token in the header, claims as JSON. All of it is decided by the
 * engine's own steps.
 */
export function plainUserinfo(provider: Provider): (ctx: Koa.Context) => Promise<unknown> {
  return async (ctx) => {
    if (!BEARER.test(ctx.req.headers.authorization ?? '')) return undefined;
    const { client } = await runEngineSteps(provider, USERINFO, ctx, {});
    // See fapi-interaction-id.ts.
    return isFirstGeneration(profileOf(client)) ? undefined : ctx.body;
  };
}
