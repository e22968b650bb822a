import { isDeepStrictEqual } from 'node:util';
import type { Configuration } from '../../config/configuration.ts';
import { hostMatches } from './host-pattern.ts';
import { type ClientMetadata, type MetadataRefusal, refuseMetadata } from './metadata/client-metadata.ts';
import { METADATA_MEMBERS } from './metadata/metadata-schema.ts';
import { misleadingName } from './misleading-name.ts';

/** What those may be who say themselves what they are. */
export interface RegistrationPolicy {
  scopes: readonly string[];
  grantTypes: readonly string[];
  authenticationMethods: readonly string[];
  /** Of redirect URIs; any when empty. */
  redirectHosts: readonly string[];
  /** What people know the provider by. */
  providerName: string;
}

/** The policy of registrations (RFC 7591 §5) that is configured. */
export function registrationPolicy({
  clientRegistration,
  branding,
}: Pick<Configuration, 'clientRegistration' | 'branding'>): RegistrationPolicy {
  return { ...clientRegistration, providerName: branding.name };
}

/**
 * What an application may say of itself: members of RFC 7591 §2, OpenID Connect Dynamic Client Registration §2 and the
 * specifications that add to them. Everything else that a registration may hold is for the operator to decide: which API it
 * is, whose tokens it may exchange, how long a used refresh token is answered.
 */
const OWN_MEMBERS: ReadonlySet<string> = new Set([
  'redirect_uris',
  'post_logout_redirect_uris',
  'response_types',
  'response_modes',
  'grant_types',
  'application_type',
  'client_name',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'scope',
  'software_id',
  'software_version',
  'jwks',
  'jwks_uri',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'initiate_login_uri',
  'subject_type',
  'sector_identifier_uri',
  'id_token_scope_claims',
  'default_max_age',
  'default_acr_values',
  'require_auth_time',
  'request_uris',
  'require_pushed_authorization_requests',
  'require_signed_request_object',
  'dpop_bound_access_tokens',
  'authorization_details_types',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
  'backchannel_token_delivery_mode',
  'backchannel_client_notification_endpoint',
  'backchannel_authentication_request_signing_alg',
  'backchannel_user_code_parameter',
]);
const OWN_PATTERNS = [/^tls_client_/, /_(signed|encrypted)_response_(alg|enc)$/, /^request_object_/];

/** Whether an application may say this of itself. */
export function isOwnMember(member: string): boolean {
  return OWN_MEMBERS.has(member) || OWN_PATTERNS.some((pattern) => pattern.test(member));
}

/** Those of the values that are allowed; undefined when it is no list of words. */
export function allowedOf(value: unknown, allowed: readonly string[]): string[] | undefined {
  const words = typeof value === 'string' ? value.split(' ') : value;
  if (!Array.isArray(words)) return undefined;
  return words.filter((word) => typeof word === 'string' && allowed.includes(word));
}

/**
 * The registration that an application asks for, without what it may not decide. Grant types and scopes that it may not have are
 * left out (RFC 7591 §2: the server may replace what was asked for, and says what it registered). Scopes that it may have are
 * registered though it did not ask for them: clients name those of their first request, and come for more when a tool needs it
 * (step-up); each is for the person to allow. A member for the operator
 * alone is refused by its name, unless it only says what is registered (`present`), which stays as it is.
 */
export function requestedMetadata(
  given: Readonly<Record<string, unknown>>,
  policy: RegistrationPolicy,
  present?: Readonly<ClientMetadata>,
): { outcome: 'requested'; metadata: Record<string, unknown> } | MetadataRefusal {
  const metadata: Record<string, unknown> = {};
  const known: Readonly<Record<string, unknown>> = { ...present };
  for (const [member, value] of Object.entries(given)) {
    // RFC 7592 §2.2: null and empty values are members left out.
    if (value === null || value === '') continue;
    if (isOwnMember(member)) metadata[member] = value;
    else if (METADATA_MEMBERS.includes(member) && member !== 'client_id') {
      if (!isDeepStrictEqual(value, known[member])) {
        return refuseMetadata(`${member} is for the operator of this provider to decide`);
      }
    }
  }
  for (const [member, value] of Object.entries(known)) if (!isOwnMember(member)) metadata[member] = value;
  const grantTypes = [...policy.grantTypes, ...(present?.grant_types ?? [])];
  if (metadata.grant_types !== undefined) {
    const allowed = allowedOf(metadata.grant_types, grantTypes);
    if (allowed?.length === 0) return refuseMetadata(`grant_types must be one of ${grantTypes.join(', ')}`);
    if (allowed !== undefined) metadata.grant_types = allowed;
  }
  const scopes = [...policy.scopes, ...(present?.scope?.split(' ') ?? [])];
  const asked = metadata.scope === undefined ? [] : allowedOf(metadata.scope, scopes);
  if (asked !== undefined) {
    if (metadata.scope !== undefined && asked.length === 0) {
      return refuseMetadata(`scope must be of ${scopes.join(' ')}`);
    }
    metadata.scope = [...new Set([...policy.scopes, ...asked])].join(' ');
  }
  return { outcome: 'requested', metadata };
}

/** Why the policy does not allow a registration that is valid in itself. What is registered already (`present`) stays allowed. */
export function registrationProblem(
  metadata: ClientMetadata,
  policy: RegistrationPolicy,
  present?: Readonly<ClientMetadata>,
): MetadataRefusal | undefined {
  const grant = metadata.grant_types.find(
    (type) => !policy.grantTypes.includes(type) && present?.grant_types.includes(type) !== true,
  );
  if (grant !== undefined) {
    return refuseMetadata(`grant_types must be one of ${policy.grantTypes.join(', ')}`);
  }
  const { token_endpoint_auth_method: method } = metadata;
  if (!policy.authenticationMethods.includes(method) && method !== present?.token_endpoint_auth_method) {
    return refuseMetadata(
      `token_endpoint_auth_method must be one of ${policy.authenticationMethods.join(', ')} (not ${method})`,
    );
  }
  for (const member of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const uri of metadata[member]) {
      const allowed = policy.redirectHosts.length === 0 || hostMatches(uri, policy.redirectHosts);
      if (!allowed && present?.[member].includes(uri) !== true) {
        const description = `${member} must have a host of ${policy.redirectHosts.join(', ')}: ${uri}`;
        return { outcome: 'refused', error: 'invalid_redirect_uri', description };
      }
    }
  }
  const { client_name: name, jwks_uri: jwksUri } = metadata;
  const misleading = name === undefined ? undefined : misleadingName(name, policy.providerName);
  if (misleading !== undefined && name !== present?.client_name) {
    return refuseMetadata(`client_name ${misleading}`);
  }
  if (jwksUri !== undefined && !jwksUri.startsWith('https:'))
    return refuseMetadata('jwks_uri must use https');
  return undefined;
}
