import type { Environment } from './environment.ts';

/** What every program needs to run at all. */
const ALWAYS = ['PATH', 'HOME', 'LANG', 'TZ'];

/**
 * The environment of a program that signs: the variables that the operator named, and nothing else of Latchkey's own, which
 * holds secrets.
 */
export function signerEnvironment(
  names: readonly string[],
  environment: Environment = process.env,
): Record<string, string> {
  return Object.fromEntries(
    [...ALWAYS, ...names].flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
