import type { Tracing } from './tracing.ts';

type Method = (...parameters: never[]) => unknown;

/** The names of its methods. In a span they answer promises, whatever they answer by themselves. */
export type MethodName<Target> = {
  [Name in keyof Target]: Target[Name] extends Method ? Name : never;
}[keyof Target] &
  string;

/** The names of its methods and of its accessors, its own and inherited ones. */
function namesOf(target: object): { methods: Set<string>; accessors: Set<string> } {
  const methods = new Set<string>();
  const accessors = new Set<string>();
  for (
    let level = target;
    level !== Object.prototype && level !== null;
    level = Object.getPrototypeOf(level)
  ) {
    for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (typeof value === 'function' && name !== 'constructor') methods.add(name);
      if (get !== undefined) accessors.add(name);
    }
  }
  return { methods, accessors };
}

/**
 * The same object, whose `calls` are counted by `count` and, where there is an SDK, made in spans named `prefix` and the
 * method. What a call is given and what it answers is not looked at.
 */
export function observedCalls<Target extends object>(
  target: Target,
  options: {
    calls: ReadonlyArray<MethodName<Target>>;
    prefix: string;
    count?: ((call: string) => void) | undefined;
    tracing: Tracing | undefined;
  },
): Target {
  const { prefix, count, tracing } = options;
  if (count === undefined && tracing === undefined) return target;
  const observed = Object.create(target) as Record<string, unknown>;
  const calls: ReadonlySet<string> = new Set(options.calls);
  const { methods, accessors } = namesOf(target);
  for (const name of accessors) {
    Object.defineProperty(observed, name, { get: () => (target as Record<string, unknown>)[name] });
  }
  for (const name of methods) {
    const method = (target as Record<string, unknown>)[name] as Method;
    // Bound, since methods read private fields of the very object.
    const call = method.bind(target) as Method;
    observed[name] = calls.has(name) ? observe(name, call) : call;
  }

  function observe(name: string, call: Method): Method {
    const spanName = `${prefix}.${name}`;
    const counted: Method =
      count === undefined
        ? call
        : (...parameters) => {
            count(name);
            return call(...parameters);
          };
    if (tracing === undefined) return counted;
    return (...parameters) => tracing.span(spanName, async () => counted(...parameters));
  }
  return observed as Target;
}
