import { z } from 'zod';
import { isLoopbackHost } from './loopback.ts';
import { settingTraits } from './setting-traits.ts';

const text = z.string().min(1).max(2048);
const names = z.array(text).max(100);

/** As in the callback's address, where a capital letter or a dot would be taken for something else by some providers. */
const PROVIDER_ID = /^[a-z0-9][a-z0-9-]{0,31}$/;

const issuer = z.string().refine((given) => {
  const url = URL.parse(given);
  return (
    url !== null &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) &&
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    !given.includes('#')
  );
}, 'must be an https URL without a query');

/** What Latchkey says itself; none of it can be replaced. */
const OWN_PARAMETERS = new Set([
  ...['client_id', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'state', 'nonce'],
  ...['code_challenge', 'code_challenge_method', 'prompt', 'acr_values', 'max_age', 'ui_locales'],
  ...['request', 'request_uri'],
]);

/** Claims that have a setting of their own, or are none that another provider may fill. */
const KEPT_CLAIMS = new Set(['sub', 'email', 'email_verified', 'groups']);

const provider = z
  .strictObject({
    issuer,
    client_id: text,
    client_secret: text.optional(),
    /** A file with the secret, or with the private key as a JWK with `alg` and `kid`. */
    client_secret_file: text.optional(),
    private_key_file: text.optional(),
    client_authentication: z
      .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'])
      .default('client_secret_basic'),
    /** On the button. */
    name: text.max(60),
    scopes: names
      .default(['openid', 'email', 'profile'])
      .refine((scopes) => scopes.includes('openid'), 'must have openid'),
    parameters: z
      .record(text, text)
      .default({})
      .refine(
        (parameters) => Object.keys(parameters).every((name) => !OWN_PARAMETERS.has(name)),
        'must not have what Latchkey sets itself',
      ),
    prompt: z.enum(['login', 'consent', 'select_account']).optional(),
    acr_values: names.default([]),
    /** Whether the userinfo endpoint is asked as well, where there is one. */
    userinfo: z.boolean().default(true),
    provisioning: z.enum(['off', 'just_in_time']).default('off'),
    /** Mail domains of those who may get an account; all when empty. */
    allowed_domains: z.array(z.string().regex(/^[a-z0-9.-]+$/, 'must be domains in lower case')).default([]),
    /** Whether its `email_verified` is believed. */
    trust_email_verified: z.boolean().default(false),
    /** The claim that becomes the login of a new account. */
    login_claim: text.default('email'),
    /** The person's claims here, each by the name that it has there. */
    claims: z
      .record(text, text)
      .default({ name: 'name', given_name: 'given_name', family_name: 'family_name' })
      .refine(
        (claims) => Object.keys(claims).every((name) => !KEPT_CLAIMS.has(name)),
        'must not have sub, email, email_verified or groups',
      ),
    groups: z.strictObject({ claim: text, map: z.record(text, text) }).optional(),
    /** Whether claims and groups follow at each sign-in. */
    updates: z.boolean().default(true),
    /** Values of its `amr` that are believed. */
    trusted_amr: names.default([]),
    /** What its `acr` values are worth, as `amr` values. */
    trusted_acr: z.record(text, names).default({}),
    /** Whether a sign-in that must be new is believed without an `auth_time`. */
    fresh_sign_in: z.enum(['verified', 'assumed']).default('verified'),
    /** Whether the page after a logout offers to end the session there, too, or the browser goes there by itself. */
    logout: z.enum(['off', 'offered', 'automatic']).default('off'),
  })
  .refine(({ client_authentication: method, private_key_file: key, ...given }) => {
    if (method === 'none') return key === undefined && !hasSecret(given);
    if (method === 'private_key_jwt') return key !== undefined && !hasSecret(given);
    const ways = [given.client_secret, given.client_secret_file].filter((way) => way !== undefined);
    return key === undefined && ways.length === 1;
  }, 'needs what its client_authentication works with, once: client_secret or client_secret_file, private_key_file, or nothing');

const hasSecret = (given: { client_secret?: string | undefined; client_secret_file?: string | undefined }) =>
  given.client_secret !== undefined || given.client_secret_file !== undefined;

/** Another OpenID provider that people may sign in at, as it is configured. */
export type UpstreamProviderSettings = z.output<typeof provider>;

const providers = z.record(
  z.string().regex(PROVIDER_ID, 'must be named in lower-case letters, digits and -, at most 32'),
  provider,
);

/** Sign-in at other OpenID providers. */
export const upstream = z.strictObject({
  providers: providers
    .default({})
    .describe(
      'OpenID providers that people may sign in at, by a name of yours; `docs/upstream.md` tells what each takes. JSON in the variable.',
    )
    .register(settingTraits, { secret: true, shown: withoutSecrets }),
});

/** The providers as an operator may see them. */
function withoutSecrets(value: unknown): unknown {
  const entries = Object.entries(value as z.output<typeof providers>);
  return Object.fromEntries(
    entries.map(([id, { client_secret: secret, ...shown }]) => [
      id,
      secret === undefined ? shown : { ...shown, client_secret: 'redacted' },
    ]),
  );
}
