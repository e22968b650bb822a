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

/**
 * Whether defining this comes to the same as assigning it: an ordinary property that a plain object does not have yet. The
 * engine copies payloads that way, several a request, and a definition costs ten times an assignment.
 */
function isAssignment(target: unknown, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
  return (
    descriptor.writable === true &&
    descriptor.enumerable === true &&
    descriptor.configurable === true &&
    key !== '__proto__' &&
    Object.getPrototypeOf(target) === Object.prototype &&
    !Object.hasOwn(target as object, key)
  );
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
    if (isAssignment(target, key, descriptor)) {
      (target as Record<PropertyKey, unknown>)[key] = descriptor.value;
      return target;
    }
    return defineProperty(target, key, descriptor);
  };
}
