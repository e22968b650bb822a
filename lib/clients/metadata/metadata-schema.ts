import { z } from 'zod';
import { ACR_VALUES } from '../../../config/acr-values.ts';
import { hexColour } from '../../../config/value-formats.ts';
import { CLIENT_SIGNATURE_ALGORITHMS } from '../algorithms.ts';
import { RESPONSE_MODES } from '../configuration-problem.ts';
import { readableText } from '../readable-text.ts';
import { requestUriMembers } from '../request-uris.ts';
import { isScopeToken } from '../scope.ts';
import { webUri } from '../web-uri.ts';
import { JWT_BEARER_GRANT } from './assertion-grant-metadata.ts';
import { ATTESTATION_METHODS } from './attestation-metadata.ts';
import { certificateMembers } from './certificate-metadata.ts';
import { CIBA_GRANT, cibaMembers } from './ciba-metadata.ts';
import { DEVICE_CODE_GRANT } from './device-metadata.ts';
import { exchangeMembers, TOKEN_EXCHANGE_GRANT } from './exchange-metadata.ts';
import { logoutMembers } from './logout-metadata.ts';
import { messageMembers } from './message-metadata.ts';
import { profileMembers } from './profile-metadata.ts';

/** Every limit on what one registration may hold. */
export const LIMITS = {
  redirectUris: 50,
  contacts: 10,
  publicKeys: 20,
  nameCharacters: 100,
  scopeCharacters: 2000,
  clientIdCharacters: 128,
  /** Seconds. */
  refreshTokenGrace: 300,
  /** Seconds: ten years. */
  maxAge: 315_360_000,
  /** Of the whole registration as JSON. */
  bytes: 65_536,
} as const;

/** As HTML defines a valid e-mail address. */
const EMAIL = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z\d-]+(?:\.[a-z\d-]+)*$/i;

const uriList = z.array(z.string()).max(LIMITS.redirectUris);
const publicKey = z
  .looseObject({ kty: z.enum(['RSA', 'EC', 'OKP', 'AKP']) })
  .refine(
    (jwk) => !['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'].some((member) => member in jwk),
    'holds a private key: register the public one alone',
  );

/**
 * The shape of a registration in RFC 7591 §2 names (and OpenID Connect Dynamic Client Registration §2 ones), before defaults.
 * Members of this provider's own are `response_modes`, `required_acr`, `resource_server`, `default_resource`, `refresh_token_grace`, `id_token_scope_claims`,
 * `token_exchange`, `may_act`, `profile` and `accent_color`.
 */
export const metadataSchema = z.strictObject({
  client_id: z
    .string()
    .max(LIMITS.clientIdCharacters)
    .regex(/^[\w.~-]+$/, 'may contain letters, digits and - . _ ~ only')
    .optional(),
  client_name: readableText(LIMITS.nameCharacters).optional(),
  application_type: z.enum(['web', 'native']).optional(),
  redirect_uris: uriList.optional(),
  post_logout_redirect_uris: uriList.optional(),
  grant_types: z
    .array(
      z.enum([
        'authorization_code',
        'refresh_token',
        'client_credentials',
        'implicit',
        DEVICE_CODE_GRANT,
        CIBA_GRANT,
        TOKEN_EXCHANGE_GRANT,
        JWT_BEARER_GRANT,
      ]),
    )
    .min(1)
    .optional(),
  response_types: z.array(z.string().max(40)).max(10).optional(),
  response_modes: z.array(z.enum(RESPONSE_MODES)).min(1).optional(),
  scope: z
    .string()
    .max(LIMITS.scopeCharacters)
    .refine(
      (scope) => scope.split(' ').every(isScopeToken),
      'must be scope tokens separated by single spaces (RFC 6749 §3.3)',
    )
    .optional(),
  token_endpoint_auth_method: z
    .enum([
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'tls_client_auth',
      'self_signed_tls_client_auth',
      ...ATTESTATION_METHODS,
      'none',
    ])
    .optional(),
  token_endpoint_auth_signing_alg: z.enum(['HS256', ...CLIENT_SIGNATURE_ALGORITHMS]).optional(),
  ...profileMembers,
  ...messageMembers,
  ...requestUriMembers,
  ...certificateMembers,
  ...exchangeMembers,
  ...logoutMembers,
  ...cibaMembers,
  jwks: z.strictObject({ keys: z.array(publicKey).min(1).max(LIMITS.publicKeys) }).optional(),
  jwks_uri: webUri.optional(),
  contacts: z
    .array(z.string().max(254).regex(EMAIL, 'must be an e-mail address'))
    .max(LIMITS.contacts)
    .optional(),
  client_uri: webUri.optional(),
  logo_uri: webUri.optional(),
  policy_uri: webUri.optional(),
  tos_uri: webUri.optional(),
  accent_color: hexColour.optional(),
  authorization_details_types: z.array(z.string().min(1).max(200)).max(50).optional(),
  initiate_login_uri: webUri
    .refine((uri) => uri.startsWith('https:'), 'must use https (OpenID Connect Core §4)')
    .optional(),
  subject_type: z.enum(['public', 'pairwise']).optional(),
  sector_identifier_uri: webUri
    .refine((uri) => uri.startsWith('https:'), 'must use https (OpenID Connect Core §8.1)')
    .optional(),
  id_token_scope_claims: z.boolean().optional(),
  default_acr_values: z.array(z.enum(ACR_VALUES)).min(1).max(ACR_VALUES.length).optional(),
  required_acr: z.enum(ACR_VALUES).optional(),
  default_max_age: z.int().min(0).max(LIMITS.maxAge).optional(),
  require_auth_time: z.boolean().optional(),
  require_pushed_authorization_requests: z.boolean().optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  software_id: readableText(LIMITS.nameCharacters).optional(),
  software_version: readableText(LIMITS.nameCharacters).optional(),
  refresh_token_grace: z.int().min(0).max(LIMITS.refreshTokenGrace).optional(),
  resource_server: z.string().max(2048).optional(),
  default_resource: z.string().max(2048).optional(),
});

/** Every member that a registration may have. */
export const METADATA_MEMBERS: ReadonlyArray<string> = Object.keys(metadataSchema.shape);

export type GivenMetadata = z.infer<typeof metadataSchema>;
