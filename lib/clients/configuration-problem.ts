import type { Configuration } from '../../config/configuration.ts';
import { assertionGrantConfigurationProblem } from './metadata/assertion-grant-metadata.ts';
import { attestationConfigurationProblem } from './metadata/attestation-metadata.ts';
import {
  type CertificateMetadata,
  certificateConfigurationProblem,
} from './metadata/certificate-metadata.ts';
import { type CibaMetadata, cibaConfigurationProblem } from './metadata/ciba-metadata.ts';
import { deviceConfigurationProblem } from './metadata/device-metadata.ts';
import { exchangeConfigurationProblem } from './metadata/exchange-metadata.ts';
import { type LogoutMetadata, logoutConfigurationProblem } from './metadata/logout-metadata.ts';
import { type MessageMetadata, messageConfigurationProblem } from './metadata/message-metadata.ts';
import { isFirstGeneration, type Profile, profileProblem } from './metadata/profile-metadata.ts';
import { requestUriConfigurationProblem } from './request-uris.ts';

/** What a registration is checked against. */
export type MetadataPolicy = Pick<Configuration, 'keys' | 'features'>;

/** Every way of answering an authorization request that a client may register for. */
export const RESPONSE_MODES = [
  'query',
  'fragment',
  'form_post',
  'web_message',
  'jwt',
  'query.jwt',
  'fragment.jwt',
  'form_post.jwt',
  'web_message.jwt',
] as const;

/** The response types that `features.response_types: all` allows. */
const ALL_RESPONSE_TYPES = [
  'code',
  'code id_token',
  'code token',
  'code id_token token',
  'id_token',
  'id_token token',
  'none',
];

/** The response types that may be registered and asked for. */
export function allowedResponseTypes({ responseTypes, profile }: Configuration['features']): string[] {
  if (responseTypes === 'all') return ALL_RESPONSE_TYPES;
  return profile !== 'none' && isFirstGeneration(profile) ? ['code', 'code id_token'] : ['code'];
}

/** What of a registration depends on what is configured. */
interface ConfigurableMetadata
  extends MessageMetadata,
    CertificateMetadata,
    Omit<CibaMetadata, 'token_endpoint_auth_method'>,
    Omit<LogoutMetadata, 'redirect_uris'> {
  grant_types: ReadonlyArray<string>;
  response_types: ReadonlyArray<string>;
  response_modes: ReadonlyArray<string>;
  profile?: Profile | undefined;
  redirect_uris: ReadonlyArray<string>;
  application_type?: 'web' | 'native' | undefined;
  subject_type?: string | undefined;
  authorization_details_types?: ReadonlyArray<string> | undefined;
  may_act?: string | undefined;
  request_uris?: ReadonlyArray<string> | undefined;
  jwks?: { keys: ReadonlyArray<Record<string, unknown>> } | undefined;
  jwks_uri?: string | undefined;
}

/**
 * Why the present configuration does not let a registration be used: it names an algorithm without a key, or a feature that is off.
 * Such a client is refused as a whole. Left to the rest it would go on without what it was registered for: with tokens that
 * are not bound, requests that are not signed, answers that are not encrypted.
 */
export function configurationProblem(
  metadata: ConfigurableMetadata,
  policy: MetadataPolicy,
): string | undefined {
  const { features } = policy;
  const types = allowedResponseTypes(features);
  if (metadata.response_types.some((type) => !types.includes(type))) {
    return `response_types must be one of ${types.join(', ')}`;
  }
  for (const mode of metadata.response_modes) {
    if (mode.startsWith('web_message') && !features.webMessage) {
      return `response_modes: ${mode} needs features.web_message, which is off`;
    }
    if (mode.endsWith('jwt') && !features.jwtResponses) {
      return `response_modes: ${mode} needs features.jwt_responses, which is off`;
    }
  }
  if (metadata.subject_type === 'pairwise' && !features.pairwiseSubjects) {
    return 'subject_type pairwise needs features.pairwise_subjects, which is off';
  }
  if (metadata.authorization_details_types !== undefined && !features.richAuthorizationRequests) {
    return 'authorization_details_types needs features.rich_authorization_requests, which is off';
  }
  return (
    deviceConfigurationProblem(metadata, features) ??
    exchangeConfigurationProblem(metadata, features) ??
    assertionGrantConfigurationProblem(metadata, features) ??
    logoutConfigurationProblem(metadata, features) ??
    cibaConfigurationProblem(metadata, features) ??
    messageConfigurationProblem(metadata, policy) ??
    requestUriConfigurationProblem(metadata, features) ??
    certificateConfigurationProblem(metadata, features) ??
    attestationConfigurationProblem(metadata, features) ??
    profileProblem(metadata, policy)
  );
}
