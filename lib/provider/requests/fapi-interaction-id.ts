import { randomUUID } from 'node:crypto';
import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { isFirstGeneration } from '../../clients/metadata/profile-metadata.ts';
import { profileOf } from './client-profile.ts';

const HEADER = 'x-fapi-interaction-id';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Userinfo answers clients of FAPI 1.0 with the identifier that they gave the call, or a new one, by which both sides find it in
 * their logs (FAPI 1.0 Baseline §6.2.1 item 11). Anything but a UUID is not repeated.
 */
export function answerInteractionIds(engine: Koa.Middleware): Koa.Middleware {
  return async (ctx, next) => {
    await engine(ctx, next);
    const { oidc } = ctx as Partial<KoaContextWithOIDC>;
    if (oidc?.route !== 'userinfo' || !isFirstGeneration(profileOf(oidc.client))) return;
    const given = ctx.get(HEADER);
    ctx.set(HEADER, UUID.test(given) ? given : randomUUID());
  };
}
