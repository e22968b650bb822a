import type { Configuration } from '../../../config/configuration.ts';

/** The ways to authenticate by an attestation (draft-ietf-oauth-attestation-based-client-auth): with a proof of its own, or with the DPoP proof. */
export const ATTESTATION_METHODS = ['attest_jwt_client_auth', 'attest_jwt_client_auth_dpop'] as const;

/** Those of them that the configuration allows, as the engine's types know them: one of two. */
export function attestationMethods({
  clientAttestersFile,
}: Pick<Configuration['features'], 'clientAttestersFile'>): 'attest_jwt_client_auth'[] {
  return clientAttestersFile === undefined ? [] : ([...ATTESTATION_METHODS] as 'attest_jwt_client_auth'[]);
}

/** Why the configuration does not allow a registration to authenticate so. */
export function attestationConfigurationProblem(
  { token_endpoint_auth_method: method }: { token_endpoint_auth_method?: string | undefined },
  features: Pick<Configuration['features'], 'clientAttestersFile'>,
): string | undefined {
  if (features.clientAttestersFile !== undefined) return undefined;
  if (method?.startsWith('attest_jwt_client_auth') !== true) return undefined;
  return `${method} needs features.client_attesters_file, which is not set`;
}
