import type { Configuration } from '../../../config/configuration.ts';

/** The grant type of assertions of other issuers (RFC 7523 §2.1), identity assertion authorization grants among them. */
export const JWT_BEARER_GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Why the present configuration does not let the registration be used. */
export function assertionGrantConfigurationProblem(
  { grant_types: grants }: { grant_types: ReadonlyArray<string> },
  { assertionIssuersFile }: Configuration['features'],
): string | undefined {
  return grants.includes(JWT_BEARER_GRANT) && assertionIssuersFile === undefined
    ? `grant_types: ${JWT_BEARER_GRANT} needs features.assertion_issuers_file, which is not set`
    : undefined;
}

/** An assertion names a person: whoever could take one must not be able to use it. */
export function assertionGrantConsistencyProblem({
  grant_types: grants,
  token_endpoint_auth_method: method,
}: {
  grant_types: ReadonlyArray<string>;
  token_endpoint_auth_method?: string | undefined;
}): string | undefined {
  return grants.includes(JWT_BEARER_GRANT) && method === 'none'
    ? `${JWT_BEARER_GRANT} needs a confidential client: token_endpoint_auth_method must not be none`
    : undefined;
}
