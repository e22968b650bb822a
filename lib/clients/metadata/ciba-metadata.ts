import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';
import { CLIENT_SIGNATURE_ALGORITHMS } from '../algorithms.ts';
import { webUri } from '../web-uri.ts';

/** The grant type of sign-ins that are confirmed elsewhere (OpenID Connect CIBA Core §4). */
export const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';

/** How such a client is told that somebody has answered (§4). Tokens are never pushed: FAPI-CIBA §5.2.2 forbids it. */
export const cibaMembers = {
  backchannel_token_delivery_mode: z.enum(['poll', 'ping']).optional(),
  backchannel_client_notification_endpoint: webUri
    .refine((uri) => uri.startsWith('https:'), 'must use https (OpenID Connect CIBA Core §4)')
    .optional(),
  backchannel_authentication_request_signing_alg: z.enum(CLIENT_SIGNATURE_ALGORITHMS).optional(),
  backchannel_user_code_parameter: z.literal(false).optional(),
};

/** The members above as a registration has them, and what they go with. */
export interface CibaMetadata {
  grant_types: ReadonlyArray<string>;
  token_endpoint_auth_method?: string | undefined;
  backchannel_token_delivery_mode?: string | undefined;
  backchannel_client_notification_endpoint?: string | undefined;
  backchannel_authentication_request_signing_alg?: string | undefined;
  jwks?: object | undefined;
  jwks_uri?: string | undefined;
}

/** Why the present configuration lets no client ask for such a sign-in. */
export function cibaConfigurationProblem(
  metadata: Omit<CibaMetadata, 'token_endpoint_auth_method'>,
  { ciba, requestObjects }: Configuration['features'],
): string | undefined {
  if (!metadata.grant_types.includes(CIBA_GRANT)) return undefined;
  if (!ciba.enabled) return `grant_types: ${CIBA_GRANT} needs features.ciba.enabled, which is off`;
  return metadata.backchannel_authentication_request_signing_alg !== undefined && requestObjects === 'off'
    ? 'backchannel_authentication_request_signing_alg needs features.request_objects, which is off'
    : undefined;
}

/** Why these members do not go together, whatever is configured. */
export function cibaConsistencyProblem(metadata: CibaMetadata): string | undefined {
  const {
    backchannel_token_delivery_mode: mode,
    backchannel_client_notification_endpoint: endpoint,
    backchannel_authentication_request_signing_alg: algorithm,
  } = metadata;
  const given = [mode, endpoint, algorithm].some((member) => member !== undefined);
  if (!metadata.grant_types.includes(CIBA_GRANT)) {
    return given ? `backchannel_… members go with ${CIBA_GRANT} alone` : undefined;
  }
  if (mode === undefined) return `${CIBA_GRANT} needs backchannel_token_delivery_mode, poll or ping`;
  if ((mode === 'ping') !== (endpoint !== undefined)) {
    return 'backchannel_client_notification_endpoint goes with backchannel_token_delivery_mode ping';
  }
  if (metadata.token_endpoint_auth_method === 'none') {
    return `${CIBA_GRANT} needs a confidential client: token_endpoint_auth_method must not be none`;
  }
  return algorithm !== undefined && metadata.jwks === undefined && metadata.jwks_uri === undefined
    ? 'backchannel_authentication_request_signing_alg needs jwks or jwks_uri'
    : undefined;
}
