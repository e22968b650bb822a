import type { Configuration } from '../../../config/configuration.ts';
import { CIBA_GRANT } from './ciba-metadata.ts';

/** The grant type of devices without a browser (RFC 8628 §3.4). */
export const DEVICE_CODE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

interface DeviceMetadata {
  grant_types: ReadonlyArray<string>;
  response_types: ReadonlyArray<string>;
  subject_type?: string | undefined;
  sector_identifier_uri?: string | undefined;
  token_endpoint_auth_method?: string | undefined;
  jwks_uri?: string | undefined;
}

/** Why the present configuration does not let a device in. */
export function deviceConfigurationProblem(
  { grant_types: grants }: Pick<DeviceMetadata, 'grant_types'>,
  { deviceFlow }: Configuration['features'],
): string | undefined {
  return grants.includes(DEVICE_CODE_GRANT) && !deviceFlow
    ? `grant_types: ${DEVICE_CODE_GRANT} needs features.device_flow, which is off`
    : undefined;
}

/**
 * No redirect to a host of the sector proves that a device, or who asks for a sign-in that is confirmed elsewhere, belongs to
 * it. Its keys do: those of `jwks_uri`, by which it must authenticate, or anybody could ask for another sector's subjects
 * (OpenID Connect CIBA Core §4).
 */
export function deviceConsistencyProblem(metadata: DeviceMetadata): string | undefined {
  const { subject_type: subjectType, token_endpoint_auth_method: method } = metadata;
  const grant = [DEVICE_CODE_GRANT, CIBA_GRANT].find((each) => metadata.grant_types.includes(each));
  if (subjectType !== 'pairwise' || grant === undefined) return undefined;
  if (method !== 'private_key_jwt' && method !== 'self_signed_tls_client_auth') {
    return `subject_type pairwise with ${grant} needs private_key_jwt or self_signed_tls_client_auth`;
  }
  if (metadata.jwks_uri === undefined) {
    return `subject_type pairwise with ${grant} needs jwks_uri`;
  }
  if (metadata.response_types.length > 0 && metadata.sector_identifier_uri === undefined) {
    return `subject_type pairwise with ${grant} and response_types needs sector_identifier_uri`;
  }
  return undefined;
}
