import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import tokenSteps from 'oidc-provider/lib/actions/token.js';
import userinfoSteps from 'oidc-provider/lib/actions/userinfo.js';
import contexts from 'oidc-provider/lib/helpers/als.js';
import { prototypesOf } from './engine-context.ts';

/** What the engine does for an endpoint, from the named step on. Throws at the start where a version has no such step. */
function stepsFrom(steps: ReadonlyArray<Koa.Middleware>, name: string): ReadonlyArray<Koa.Middleware> {
  const first = steps.findIndex((step) => step.name === name);
  if (first === -1) throw new Error(`the engine has no step ${name}: this version of it is not known`);
  return steps.slice(first);
}

/** Of an endpoint: its name, and what the engine does there once the request has been read. */
export interface EngineEndpoint {
  readonly route: string;
  readonly steps: ReadonlyArray<Koa.Middleware>;
}

export const TOKEN: EngineEndpoint = { route: 'token', steps: stepsFrom(tokenSteps, 'authenticateClient') };
export const USERINFO: EngineEndpoint = {
  route: 'userinfo',
  steps: stepsFrom(userinfoSteps, 'validateAccessToken'),
};

/** Runs what asks the engine as it does itself: `Provider.ctx` is the request's. */
export function inEngineContext<Value>(ctx: Koa.Context, work: () => Value): Value {
  return contexts.run(ctx, work);
}

/**
 * Has the engine's own steps answer a request that was read already: `params` is what it asks. Resolves when `ctx.body` is the answer, and
 * rejects with the engine's error. What lies around these steps is left out: routes, cookies, headers for browsers, pages
 * for errors.
 */
export async function runEngineSteps(
  provider: Provider,
  { route, steps }: EngineEndpoint,
  ctx: Koa.Context,
  params: Record<string, unknown>,
): Promise<KoaContextWithOIDC['oidc']> {
  const { OIDCContext } = prototypesOf(provider);
  Object.assign(ctx, { _matchedRouteName: route, routerName: route });
  const oidc = Object.assign(new OIDCContext(ctx), { params, body: params });
  // As the engine does it, see engine-context-property.ts.
  Object.defineProperty(ctx, 'oidc', { get: () => oidc });
  const run = (index: number): unknown => steps[index]?.(ctx, async () => run(index + 1));
  await contexts.run(ctx, run, 0);
  return oidc as unknown as KoaContextWithOIDC['oidc'];
}
