import { AUTHORIZATION_ERROR_CAUSES } from './authorization-error-causes.ts';
import { CREDENTIAL_ERROR_CAUSES } from './credential-error-causes.ts';
import { GRANT_ERROR_CAUSES } from './grant-error-causes.ts';
import type { RefusedFacts } from './refused-facts.ts';

/** What an operator is told of a refused request: what was wrong by one name, what was expected, and what came. */
export interface ErrorCause {
  cause: string;
  expected: string;
  came?: string;
}

/** What stands in none of them is `unexplained`. */
const ROWS = [...AUTHORIZATION_ERROR_CAUSES, ...CREDENTIAL_ERROR_CAUSES, ...GRANT_ERROR_CAUSES];

/** What the engine says on the wire for want of anything that an attacker may know. */
const SAME_FOR_MANY = new Set([
  'client authentication failed',
  'grant request is invalid',
  'invalid token provided',
  'invalid DPoP key binding',
]);

const MISSING = /missing required parameter(?:\(s\)|s)? ?(.*)/;

/** Explains a refusal. Never with a secret, a code, a token, or who a person is. */
export function causeOf(facts: RefusedFacts): ErrorCause {
  const { error, description = '', detail = '' } = facts;
  const missing = MISSING.exec(description)?.[1]?.match(/\w+/)?.[0];
  if (missing !== undefined) return { cause: `${missing}_missing`, expected: `the parameter ${missing}` };
  // Words that are the same for many causes say nothing; the detail does.
  const words = SAME_FOR_MANY.has(description) && detail !== '' ? detail : description;
  for (const text of [`${words}: ${detail}`, error]) {
    const row = ROWS.find(([pattern]) => pattern.test(text));
    if (row === undefined) continue;
    const [, cause, expected, came] = row;
    const given = came?.(facts);
    return {
      cause,
      expected: typeof expected === 'string' ? expected : (expected(facts) ?? ''),
      ...(given === undefined ? {} : { came: given }),
    };
  }
  return { cause: 'unexplained', expected: description };
}
