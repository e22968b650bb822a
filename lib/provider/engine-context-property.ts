import type Koa from 'koa';

const GETTER = Symbol('the getter of ctx.oidc');

type ContextOfEngine = object & { [GETTER]?: (() => unknown) | undefined };

let diverted = false;

/**
 * Gives contexts of `app` their `oidc` by one getter on the prototype. The engine defines it anew on each request's context, as a
 * property with a getter of its own, and V8 keeps such pairs of accessors in the old generation: everything that a request
 * made hangs on one, outlives every young collection, and waits for a full one. So for these contexts, and for them alone,
 * the definition is kept as plain data that the getter on the prototype asks.
 */
export function shareEngineContextProperty(app: Koa): void {
  const context = app.context as unknown as ContextOfEngine;
  Object.defineProperty(context, 'oidc', {
    get(this: ContextOfEngine) {
      return this[GETTER]?.();
    },
  });
  context[GETTER] = undefined;
  if (!diverted) divertDefinitions();
}

function divertDefinitions(): void {
  diverted = true;
  const { defineProperty } = Object;
  Object.defineProperty = <Target>(
    target: Target,
    key: PropertyKey,
    descriptor: PropertyDescriptor,
  ): Target => {
    if (key === 'oidc' && descriptor.get !== undefined && GETTER in (target as ContextOfEngine)) {
      (target as ContextOfEngine)[GETTER] = descriptor.get;
      return target;
    }
    return defineProperty(target, key, descriptor);
  };
}
