import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Configuration } from './configuration.ts';
import { isLoopbackHost } from './loopback.ts';

const MOST_ISSUERS = 100;

const httpsUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) &&
    url.username === '' &&
    !text.includes('#')
  );
}, 'must be an https URL');
const names = z.array(z.string().min(1).max(2048)).min(1).max(100);

/** Whose assertions count as authorization grants (RFC 7523 §2.1), for whom and for what. */
const assertionIssuer = z
  .strictObject({
    /** The `iss` of its assertions. */
    issuer: httpsUrl,
    /** Where its keys are, or the keys. */
    jwks_uri: httpsUrl.optional(),
    jwks: z
      .strictObject({ keys: z.array(z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP', 'AKP']) })).min(1) })
      .optional(),
    /** What it issues: identity assertion authorization grants (`id-jag`), or any other JWT for the purpose. */
    profile: z.enum(['id-jag', 'jwt-bearer']),
    /** The applications that may use them, by client_id. */
    clients: names,
    /** The APIs that tokens may be for, by identifier. */
    audiences: names,
    /** The most that tokens may allow; everything the API has when not given. */
    scopes: z.array(z.string().min(1).max(200)).max(200).optional(),
    /** How a person is found: by their `sub` here, or by their login, in the claim that is named. */
    subject: z
      .strictObject({ claim: z.string().min(1).max(100), is: z.enum(['sub', 'login']) })
      .default({ claim: 'sub', is: 'sub' }),
    /** The longest (s) that an assertion may still be valid. */
    longest_life: z.int().min(1).max(3600).default(300),
  })
  .refine(
    ({ jwks, jwks_uri: uri }) => (jwks === undefined) !== (uri === undefined),
    'needs one of jwks and jwks_uri',
  );

export type AssertionIssuer = z.infer<typeof assertionIssuer>;

const fileSchema = z
  .strictObject({ issuers: z.array(assertionIssuer).min(1).max(MOST_ISSUERS) })
  .refine(
    ({ issuers }) => new Set(issuers.map(({ issuer }) => issuer)).size === issuers.length,
    'names an issuer twice',
  );

/** The trusted issuers of a file; a line that says what is wrong with it. */
export function readAssertionIssuers(file: string): AssertionIssuer[] | string {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === undefined ? `${file} is not JSON` : `cannot read ${file} (${code})`;
  }
  const parsed = fileSchema.safeParse(given);
  if (parsed.success) return parsed.data.issuers;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  return `${file}: ${place === '' ? '' : `${place} `}${issue?.message ?? 'is not valid'}`;
}

/** What is wrong with the file that the configuration names. */
export function assertionIssuerProblems({ features }: Configuration): string[] {
  const file = features.assertionIssuersFile;
  if (file === undefined) return [];
  const read = readAssertionIssuers(file);
  if (typeof read !== 'string') return [];
  return [`features.assertion_issuers_file (LATCHKEY_FEATURES_ASSERTION_ISSUERS_FILE): ${read}`];
}
