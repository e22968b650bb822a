import { z } from 'zod';

/** The most that one person's claims may take, in bytes of JSON: they travel in tokens and headers. */
const MAXIMUM_CLAIMS_BYTES = 16_384;
/** How deep a custom claim may nest: checking it must not exhaust the stack. */
const MAXIMUM_CLAIM_DEPTH = 8;
const CUSTOM_CLAIM_NAME = /^[A-Za-z][A-Za-z0-9_.:/-]{0,127}$/;

/**
 * Names that the protocol itself fills: RFC 7519 §4.1, OpenID Connect Core §2 and §5.6.2, back-channel logout, RFC 8693,
 * RFC 9068, RFC 7800. No person's record may set them.
 */
const RESERVED = new Set(
  (
    'iss sub aud exp nbf iat jti nonce acr amr azp auth_time at_hash c_hash s_hash sid events scope client_id ' +
    'cnf act may_act rt_hash sub_jwk typ kid alg vot vtm trust_framework active token_type username ' +
    'updated_at _claim_names _claim_sources constructor prototype toString valueOf hasOwnProperty'
  ).split(' '),
);

const text = (maximum = 255) => z.string().trim().min(1).max(maximum);
const webAddress = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2048);

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth === 0) return false;
  return Object.values(value).every((member) => isJson(member, depth - 1));
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

function isLanguageTag(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag.replace('_', '-')).length === 1;
  } catch {
    return false;
  }
}

function isBirthdate(date: string): boolean {
  if (/^\d{4}$/.test(date)) return true;
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return false;
  // 0000 leaves the year out (Core §5.1); 2000 stands for it, being a leap year.
  const full = date.startsWith('0000') ? `2000${date.slice(4)}` : date;
  const parsed = new Date(`${full}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(full);
}

const address = z.strictObject({
  formatted: text(1024).optional(),
  street_address: text(1024).optional(),
  locality: text().optional(),
  region: text().optional(),
  postal_code: text(64).optional(),
  country: text().optional(),
});

/** The standard claims of OpenID Connect Core §5.1 that a record may hold. */
const standardClaims = z.object({
  name: text(),
  given_name: text(),
  family_name: text(),
  middle_name: text(),
  nickname: text(),
  preferred_username: text(),
  profile: webAddress,
  picture: webAddress,
  website: webAddress,
  email: z.email({ pattern: z.regexes.unicodeEmail, error: 'must be a mail address' }).max(254),
  email_verified: z.boolean(),
  gender: text(64),
  birthdate: z.string().refine(isBirthdate, 'must be YYYY-MM-DD, 0000-MM-DD or YYYY'),
  zoneinfo: z.string().max(64).refine(isTimeZone, 'must be a time zone such as Europe/Paris'),
  locale: z.string().max(64).refine(isLanguageTag, 'must be a language tag such as en-US'),
  phone_number: z
    .string()
    .regex(/^\+?[0-9][0-9 ().-]{2,30}(;ext=[0-9]{1,10})?$/, 'must be a telephone number'),
  phone_number_verified: z.boolean(),
  address,
});

const STANDARD = standardClaims.partial().shape as Record<string, z.ZodType>;
const customClaim = z.unknown().refine((value) => value !== null && isJson(value, MAXIMUM_CLAIM_DEPTH), {
  error: `must be a JSON value other than null, nested at most ${MAXIMUM_CLAIM_DEPTH} deep`,
});

export type ClaimsValidation =
  | { outcome: 'valid'; claims: Record<string, unknown> }
  | { outcome: 'invalid'; claim?: string; description: string };

/**
 * Checks a person's claims. Standard ones have the type that OpenID Connect Core §5.1 gives them. Any other name is a
 * custom claim: a letter, then letters, digits and `_ . : / -` up to 128 characters (URIs fit), with any JSON value but null; names that
 * the protocol fills itself are refused.
 */
export function validateClaims(claims: Readonly<Record<string, unknown>>): ClaimsValidation {
  const valid: Record<string, unknown> = {};
  for (const [claim, value] of Object.entries(claims)) {
    const standard = Object.hasOwn(STANDARD, claim) ? STANDARD[claim] : undefined;
    if (standard === undefined && (RESERVED.has(claim) || !CUSTOM_CLAIM_NAME.test(claim))) {
      const problem = RESERVED.has(claim) ? 'is set by the provider itself' : 'is not a name for a claim';
      return { outcome: 'invalid', claim, description: `${JSON.stringify(claim.slice(0, 64))} ${problem}` };
    }
    const parsed = (standard ?? customClaim).safeParse(value);
    if (!parsed.success) {
      return { outcome: 'invalid', claim, description: `${claim}: ${describe(parsed.error)}` };
    }
    if (parsed.data !== undefined) valid[claim] = parsed.data;
  }
  if (Buffer.byteLength(JSON.stringify(valid)) > MAXIMUM_CLAIMS_BYTES) {
    return {
      outcome: 'invalid',
      description: `the claims take more than ${MAXIMUM_CLAIMS_BYTES} bytes of JSON`,
    };
  }
  return { outcome: 'valid', claims: valid };
}

function describe(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'is not valid';
  return issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message;
}
