import type { z } from 'zod';
import { suggestion } from '../../../config/nearest-name.ts';
import { configurationProblem, type MetadataPolicy } from '../configuration-problem.ts';
import { redirectUriProblem } from '../redirect-uri.ts';
import { assertionGrantConsistencyProblem } from './assertion-grant-metadata.ts';
import { certificateConsistencyProblem } from './certificate-metadata.ts';
import { cibaConsistencyProblem } from './ciba-metadata.ts';
import { deviceConsistencyProblem } from './device-metadata.ts';
import { exchangeConsistencyProblem } from './exchange-metadata.ts';
import { isKnownMember, isLocalized, localizedMembers } from './localized-metadata.ts';
import { logoutConsistencyProblem } from './logout-metadata.ts';
import { messageConsistencyProblem } from './message-metadata.ts';
import { type GivenMetadata, LIMITS, METADATA_MEMBERS, metadataSchema } from './metadata-schema.ts';
import { profileDefaults } from './profile-metadata.ts';

type Filled =
  | 'application_type'
  | 'redirect_uris'
  | 'post_logout_redirect_uris'
  | 'grant_types'
  | 'response_types'
  | 'response_modes'
  | 'token_endpoint_auth_method';

/** A registration with its defaults filled in, in RFC 7591 names, without `client_id` and `client_secret`. */
export type ClientMetadata = Omit<GivenMetadata, 'client_id' | Filled> & {
  [Member in Filled]-?: NonNullable<GivenMetadata[Member]>;
};

/** Why a registration is refused, in the error codes of RFC 7591 §3.2.2. */
export interface MetadataRefusal {
  outcome: 'refused';
  error: 'invalid_redirect_uri' | 'invalid_client_metadata';
  description: string;
}

export type CheckedMetadata =
  | { outcome: 'valid'; clientId: string | undefined; metadata: ClientMetadata }
  | MetadataRefusal;

/** The refusal of metadata that cannot be registered (RFC 7591 §3.2.2). */
export function refuseMetadata(description: string): MetadataRefusal {
  return { outcome: 'refused', error: 'invalid_client_metadata', description };
}

/**
 * Checks a registration and fills in its defaults. Members it does not know are refused with the nearest name, or
 * dropped when `unknownMembers` is 'ignore', as RFC 7591 §2 wants it of dynamic registration.
 */
export function checkMetadata(
  given: unknown,
  policy: MetadataPolicy,
  unknownMembers: 'refuse' | 'ignore' = 'refuse',
): CheckedMetadata {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return refuseMetadata('client metadata must be a JSON object');
  }
  if (Buffer.byteLength(JSON.stringify(given)) > LIMITS.bytes) {
    return refuseMetadata(`client metadata must not be longer than ${LIMITS.bytes} bytes`);
  }
  const ignores = unknownMembers === 'ignore';
  const members = Object.entries(given).filter(([, value]) => value !== undefined);
  const unknown = members
    .map(([name]) => name)
    .filter((name) => !isKnownMember(name) || (ignores && isNotUnderstood(name, policy)));
  if (!ignores && unknown[0] !== undefined) return refuseMetadata(unknownMember(unknown[0]));
  const parsed = metadataSchema.safeParse(
    Object.fromEntries(members.filter(([name]) => !unknown.includes(name) && !isLocalized(name))),
  );
  if (!parsed.success) return refuseMetadata(describeIssue(parsed.error.issues[0]));
  const localized = localizedMembers(members.filter(([name]) => isLocalized(name)));
  if ('problem' in localized) return refuseMetadata(localized.problem);
  const { client_id: clientId, ...rest } = { ...parsed.data, ...localized.members };
  const metadata = fillDefaults({ ...(profileDefaults(rest, policy) as object), ...rest });
  for (const member of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const uri of metadata[member]) {
      const problem = redirectUriProblem(uri, metadata.application_type);
      if (problem !== undefined) {
        const shown = /^[\x20-\x7e]{1,200}$/.test(uri) ? `: ${uri}` : '';
        return {
          outcome: 'refused',
          error: 'invalid_redirect_uri',
          description: `${member} ${problem}${shown}`,
        };
      }
    }
  }
  const problem = configurationProblem(metadata, policy) ?? inconsistency(metadata);
  return problem === undefined ? { outcome: 'valid', clientId, metadata } : refuseMetadata(problem);
}

/** Whoever registers itself with every provider alike names its requests' addresses also where they are of no use. */
function isNotUnderstood(name: string, { features }: MetadataPolicy): boolean {
  return name === 'request_uris' && !features.requestUris;
}

function unknownMember(name: string): string {
  if (name === 'client_secret') return 'client_secret is not accepted: the provider generates secrets';
  const shown = /^[\w#-]{1,60}$/.test(name) ? name : 'a member';
  return `${shown} is not known${suggestion(name.slice(0, 60), METADATA_MEMBERS)}`;
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const place = (issue?.path ?? []).reduce<string>(
    (text, step) =>
      typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`,
    '',
  );
  if (issue?.code === 'invalid_value') return `${place} must be one of ${issue.values.join(', ')}`;
  return `${place}: ${issue?.message ?? 'is not valid'}`;
}

/** Defaults of RFC 7591 §2, but nothing is assumed that the grant types do not need, and only `query` is answered to. */
function fillDefaults(given: Omit<GivenMetadata, 'client_id'>): ClientMetadata {
  const grantTypes = [...new Set(given.grant_types ?? ['authorization_code' as const])];
  const responseTypes =
    given.response_types?.map((type) => [...new Set(type.split(' '))].sort().join(' ')) ??
    (grantTypes.includes('authorization_code') ? ['code'] : []);
  const codeAlone = responseTypes.every((type) => type === 'code');
  return {
    ...given,
    application_type: given.application_type ?? 'web',
    redirect_uris: [...new Set(given.redirect_uris)],
    post_logout_redirect_uris: [...new Set(given.post_logout_redirect_uris)],
    grant_types: grantTypes,
    response_types: [...new Set(responseTypes)],
    response_modes: [
      ...new Set(
        given.response_modes ?? (codeAlone ? ['query' as const] : (['fragment', 'form_post'] as const)),
      ),
    ],
    token_endpoint_auth_method: given.token_endpoint_auth_method ?? 'client_secret_basic',
  };
}

function inconsistency(metadata: ClientMetadata): string | undefined {
  const { grant_types: grants, response_types: responses, token_endpoint_auth_method: method } = metadata;
  const wants = (word: string) => responses.some((type) => type.split(' ').includes(word));
  if (wants('code') !== grants.includes('authorization_code')) {
    return 'response_types and grant_types do not agree: code goes with authorization_code (RFC 7591 §2.1)';
  }
  if ((wants('token') || wants('id_token')) !== grants.includes('implicit')) {
    return 'response_types and grant_types do not agree: token and id_token go with implicit (RFC 7591 §2.1)';
  }
  if (responses.length > 0 && metadata.redirect_uris.length === 0)
    return 'redirect_uris must have at least one item';
  if (method === 'none' && grants.includes('client_credentials')) {
    return 'client_credentials needs a confidential client: token_endpoint_auth_method must not be none (RFC 6749 §4.4)';
  }
  if (metadata.jwks !== undefined && metadata.jwks_uri !== undefined)
    return 'jwks and jwks_uri exclude each other';
  if (method === 'private_key_jwt' && metadata.jwks === undefined && metadata.jwks_uri === undefined) {
    return 'private_key_jwt needs jwks or jwks_uri';
  }
  const signing = metadata.token_endpoint_auth_signing_alg;
  if (signing !== undefined) {
    if (method !== 'private_key_jwt' && method !== 'client_secret_jwt') {
      return 'token_endpoint_auth_signing_alg goes with private_key_jwt and client_secret_jwt alone';
    }
    if ((method === 'client_secret_jwt') !== (signing === 'HS256')) {
      return `token_endpoint_auth_signing_alg ${signing} does not go with ${method}`;
    }
  }
  return (
    sectorProblem(metadata) ??
    deviceConsistencyProblem(metadata) ??
    exchangeConsistencyProblem(metadata) ??
    assertionGrantConsistencyProblem(metadata) ??
    logoutConsistencyProblem(metadata) ??
    cibaConsistencyProblem(metadata) ??
    messageConsistencyProblem(metadata) ??
    certificateConsistencyProblem(metadata)
  );
}

/** OpenID Connect Core §8.1: pairwise subjects need one sector, by a URI or the one host of all redirect URIs. */
function sectorProblem({
  subject_type: subjectType,
  sector_identifier_uri: uri,
  redirect_uris: redirectUris,
}: ClientMetadata): string | undefined {
  if (uri !== undefined && subjectType !== 'pairwise') {
    return 'sector_identifier_uri goes with subject_type pairwise alone';
  }
  if (subjectType !== 'pairwise' || uri !== undefined) return undefined;
  const hosts = new Set(redirectUris.map((redirectUri) => new URL(redirectUri).host));
  return hosts.size === 1 && !hosts.has('')
    ? undefined
    : 'subject_type pairwise needs sector_identifier_uri unless all redirect_uris have the same host';
}
