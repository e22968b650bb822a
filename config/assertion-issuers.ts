import { z } from 'zod';
import type { Configuration } from './configuration.ts';
import {
  hasOneKeySource,
  issuerMembers,
  names,
  ONE_KEY_SOURCE,
  readTrustedIssuers,
} from './trusted-issuers.ts';

/** Whose assertions count as authorization grants (RFC 7523 §2.1), for whom and for what. */
const assertionIssuer = z
  .strictObject({
    ...issuerMembers,
    /** What it issues: identity assertion authorization grants (`id-jag`), or any other JWT for the purpose. */
    profile: z.enum(['id-jag', 'jwt-bearer']),
    /** The applications that may use them, by client_id. */
    clients: names,
    /** The APIs that tokens may be for, by identifier. */
    audiences: names,
    /** The most that tokens may allow; everything the API has, but what takes two factors (`second_factor.scopes`), when not given. */
    scopes: z.array(z.string().min(1).max(200)).max(200).optional(),
    /** How a person is found: by their `sub` here, or by their login, in the claim that is named. */
    subject: z
      .strictObject({ claim: z.string().min(1).max(100), is: z.enum(['sub', 'login']) })
      .default({ claim: 'sub', is: 'sub' }),
    /** The longest (s) that an assertion may still be valid. */
    longest_life: z.int().min(1).max(3600).default(300),
  })
  .refine(hasOneKeySource, ONE_KEY_SOURCE);

export type AssertionIssuer = z.infer<typeof assertionIssuer>;

/** The trusted issuers of a file; a line that says what is wrong with it. */
export function readAssertionIssuers(file: string): AssertionIssuer[] | string {
  return readTrustedIssuers(file, 'issuers', assertionIssuer);
}

/** What is wrong with the file that the configuration names. */
export function assertionIssuerProblems({ features }: Configuration): string[] {
  const file = features.assertionIssuersFile;
  if (file === undefined) return [];
  const read = readAssertionIssuers(file);
  if (typeof read !== 'string') return [];
  return [`features.assertion_issuers_file (LATCHKEY_FEATURES_ASSERTION_ISSUERS_FILE): ${read}`];
}
