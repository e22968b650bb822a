import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';
import { CIBA_GRANT } from './ciba-metadata.ts';

/** Profiles that a client, or the whole server, may be held to. */
const PROFILES = ['fapi2-security', 'fapi2-message-signing', 'fapi1-advanced', 'fapi-ciba'] as const;

export type Profile = (typeof PROFILES)[number];

/** The member of a registration that names its profile. */
export const profileMembers = { profile: z.enum(PROFILES).optional() };

/** Whether a profile builds on FAPI 1.0 Advanced, whose provisions are FAPI-CIBA's as well (FAPI-CIBA §5.2.2). */
export function isFirstGeneration(profile: Profile | undefined): boolean {
  return profile === 'fapi1-advanced' || profile === 'fapi-ciba';
}

/** Whether a profile is one of FAPI 2.0. */
export function isSecondGeneration(profile: Profile | undefined): boolean {
  return profile?.startsWith('fapi2') === true;
}

/** What may sign: FAPI 2.0 Security Profile §5.4.1; FAPI 1.0 Advanced §8.6. */
export const PROFILE_ALGORITHMS: Readonly<Record<Profile, ReadonlyArray<string>>> = {
  'fapi2-security': ['PS256', 'ES256', 'EdDSA', 'Ed25519'],
  'fapi2-message-signing': ['PS256', 'ES256', 'EdDSA', 'Ed25519'],
  'fapi1-advanced': ['PS256', 'ES256'],
  'fapi-ciba': ['PS256', 'ES256'],
};

/** FAPI 2.0 Security Profile §5.3.2.1 item 6; FAPI 1.0 Advanced §5.2.2. */
const METHODS = ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'];
/** FAPI 2.0 Security Profile §5.4.1 item 3. */
const LEAST_RSA_OCTETS = 256;

type Policy = Pick<Configuration, 'keys' | 'features'>;

/** What of a registration a profile speaks of. */
interface ProfiledMetadata {
  profile?: Profile | undefined;
  application_type?: 'web' | 'native' | undefined;
  redirect_uris?: ReadonlyArray<string> | undefined;
  grant_types?: ReadonlyArray<string> | undefined;
  response_types?: ReadonlyArray<string> | undefined;
  response_modes?: ReadonlyArray<string> | undefined;
  token_endpoint_auth_method?: string | undefined;
  token_endpoint_auth_signing_alg?: string | undefined;
  dpop_bound_access_tokens?: boolean | undefined;
  tls_client_certificate_bound_access_tokens?: boolean | undefined;
  require_pushed_authorization_requests?: boolean | undefined;
  require_signed_request_object?: string | boolean | undefined;
  request_object_signing_alg?: string | boolean | undefined;
  id_token_signed_response_alg?: string | boolean | undefined;
  backchannel_authentication_request_signing_alg?: string | undefined;
  userinfo_signed_response_alg?: string | boolean | undefined;
  introspection_signed_response_alg?: string | boolean | undefined;
  authorization_signed_response_alg?: string | boolean | undefined;
  jwks?: { keys: ReadonlyArray<Record<string, unknown>> } | undefined;
}

/** The profile that a client is held to: its own, else the server's; undefined for none. */
export function profileOf(
  { profile }: Pick<ProfiledMetadata, 'profile'>,
  { features }: Pick<Configuration, 'features'>,
): Profile | undefined {
  return profile ?? (features.profile === 'none' ? undefined : features.profile);
}

/** FAPI-CIBA §5.2.2 item 6 is about requests that no browser carries. */
function asksInTheBackground(profile: Profile, { grant_types: grants = [] }: ProfiledMetadata): boolean {
  return profile === 'fapi-ciba' && grants.includes(CIBA_GRANT);
}

const signsRequests = (profile: Profile) => profile !== 'fapi2-security';

/** What the provider signs for a client by a named algorithm, as far as it signs it at all. */
function signedKinds({ features }: Pick<Configuration, 'features'>): `${string}_signed_response_alg`[] {
  return [
    'id_token_signed_response_alg',
    ...(features.jwtResponses ? (['authorization_signed_response_alg'] as const) : []),
    ...(features.jwtIntrospection ? (['introspection_signed_response_alg'] as const) : []),
  ];
}

/** What a profile turns on for a registration that does not say otherwise. */
export function profileDefaults(given: ProfiledMetadata, policy: Policy): ProfiledMetadata {
  const profile = profileOf(given, policy);
  if (profile === undefined) return {};
  const method = given.token_endpoint_auth_method ?? 'private_key_jwt';
  const bound = given.dpop_bound_access_tokens || given.tls_client_certificate_bound_access_tokens;
  const byCertificate = isFirstGeneration(profile) || method.endsWith('tls_client_auth');
  const constraint = byCertificate
    ? 'tls_client_certificate_bound_access_tokens'
    : 'dpop_bound_access_tokens';
  const authorizes = given.grant_types?.includes('authorization_code') ?? true;
  const asksPeople = authorizes || asksInTheBackground(profile, given);
  const codeAlone = given.response_types?.every((type) => type === 'code') ?? true;
  const algorithm = policy.keys.algorithms.find((name) => PROFILE_ALGORITHMS[profile].includes(name));
  return {
    token_endpoint_auth_method: method,
    ...(bound ? {} : { [constraint]: true }),
    ...(authorizes && !isFirstGeneration(profile) ? { require_pushed_authorization_requests: true } : {}),
    ...(asksPeople && signsRequests(profile) ? { require_signed_request_object: true } : {}),
    ...(authorizes && signsRequests(profile) && codeAlone ? { response_modes: ['jwt'] } : {}),
    ...Object.fromEntries(
      algorithm === undefined ? [] : signedKinds(policy).map((member) => [member, algorithm]),
    ),
  };
}

/** Why a registration cannot be held to its profile as the provider is configured: what contradicts it, and the section that says so. */
export function profileProblem(metadata: ProfiledMetadata, policy: Policy): string | undefined {
  const profile = profileOf(metadata, policy);
  if (profile === undefined) return undefined;
  const demand = isFirstGeneration(profile)
    ? (advancedProblem(metadata) ?? unsignedRequests(metadata, profile))
    : (secondProblem(metadata) ??
      (profile === 'fapi2-message-signing' ? unsignedRequests(metadata, profile) : undefined));
  const problem = conflict(profile, policy) ?? demand ?? cryptographyProblem(profile, metadata, policy);
  return problem === undefined ? undefined : `profile ${profile}: ${problem}`;
}

/** Whoever sets the server to a profile relies on it: a client may go beyond it, not beside it. */
function conflict(profile: Profile, { features }: Policy): string | undefined {
  const server = features.profile;
  if (server === 'none' || server === profile) return undefined;
  if (server === 'fapi2-security' && profile === 'fapi2-message-signing') return undefined;
  if (server === 'fapi1-advanced' && profile === 'fapi-ciba') return undefined;
  return `features.profile is ${server}`;
}

/** FAPI 1.0 Advanced §5.2.2, and of Baseline §5.2.2 what it builds on. */
function advancedProblem(metadata: ProfiledMetadata): string | undefined {
  const { response_types: types = [], response_modes: modes = [], redirect_uris: uris = [] } = metadata;
  if (!METHODS.includes(metadata.token_endpoint_auth_method ?? '')) return wrongMethod;
  if (!metadata.tls_client_certificate_bound_access_tokens) {
    return 'needs tls_client_certificate_bound_access_tokens (FAPI 1.0 Advanced §5.2.2)';
  }
  if (types.some((type) => type !== 'code' && type !== 'code id_token')) {
    return 'response_types must be code or code id_token (FAPI 1.0 Advanced §5.2.2)';
  }
  if (types.length > 0 && types.every((type) => type === 'code') && !modes.every(isSigned)) {
    return 'response_types code needs response_modes that are signed, such as jwt (FAPI 1.0 Advanced §5.2.2)';
  }
  if (uris.some((uri) => !uri.startsWith('https:'))) {
    return 'redirect_uris must use https (FAPI 1.0 Baseline §5.2.2)';
  }
  return undefined;
}

const isSigned = (mode: string) => mode.endsWith('jwt');
const wrongMethod = `token_endpoint_auth_method must be one of ${METHODS.join(', ')}`;

/** FAPI 2.0 Security Profile §5.3.2. */
function secondProblem(metadata: ProfiledMetadata): string | undefined {
  const { response_types: types = [], redirect_uris: uris = [], application_type: kind } = metadata;
  if (!METHODS.includes(metadata.token_endpoint_auth_method ?? '')) {
    return `${wrongMethod} (FAPI 2.0 Security Profile §5.3.2.1 items 3 and 6)`;
  }
  if (!metadata.dpop_bound_access_tokens && !metadata.tls_client_certificate_bound_access_tokens) {
    return 'needs dpop_bound_access_tokens or tls_client_certificate_bound_access_tokens (FAPI 2.0 Security Profile §5.3.2.1 item 5)';
  }
  if (types.some((type) => type !== 'code')) {
    return 'response_types must be code (FAPI 2.0 Security Profile §5.3.2.2 item 1)';
  }
  if (types.length > 0 && !metadata.require_pushed_authorization_requests) {
    return 'needs require_pushed_authorization_requests (FAPI 2.0 Security Profile §5.3.2.2 item 3)';
  }
  if (kind !== 'native' && uris.some((uri) => uri.startsWith('http:'))) {
    return 'redirect_uris must use https, but for the loopback address of a native application (FAPI 2.0 Security Profile §5.3.2.2 item 8)';
  }
  return undefined;
}

/** FAPI 2.0 Message Signing §5.3.1; FAPI 1.0 Advanced §5.2.2; FAPI-CIBA §5.2.2 item 6. */
function unsignedRequests(metadata: ProfiledMetadata, profile: Profile) {
  const { response_types: types = [], require_signed_request_object: signed } = metadata;
  const asks = types.length > 0 || asksInTheBackground(profile, metadata);
  return asks && !signed ? 'needs require_signed_request_object' : undefined;
}

function cryptographyProblem(
  profile: Profile,
  metadata: ProfiledMetadata,
  policy: Policy,
): string | undefined {
  const allowed = PROFILE_ALGORITHMS[profile];
  if (!policy.keys.algorithms.some((name) => allowed.includes(name))) {
    return `needs one of ${allowed.join(', ')} in keys.algorithms`;
  }
  const members = [
    ...[
      'token_endpoint_auth_signing_alg',
      'request_object_signing_alg',
      'backchannel_authentication_request_signing_alg',
      'userinfo_signed_response_alg',
    ].filter((member) => metadata[member as keyof ProfiledMetadata] !== undefined),
    ...signedKinds(policy),
  ];
  for (const member of members) {
    if (!allowed.includes(String(metadata[member as keyof ProfiledMetadata]))) {
      return `${member} must be one of ${allowed.join(', ')}`;
    }
  }
  const short = metadata.jwks?.keys.some(
    ({ kty, n }) => kty === 'RSA' && Buffer.from(String(n), 'base64url').length < LEAST_RSA_OCTETS,
  );
  return short ? 'jwks holds an RSA key of less than 2048 bits' : undefined;
}
