import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';
import { isScopeToken } from '../scope.ts';

/** The grant type of token exchange (RFC 8693 §2.1). */
export const TOKEN_EXCHANGE_GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';

const MOST_RULES = 50;
const LONGEST_IDENTIFIER = 2048;
const identifier = z.string().min(1).max(LONGEST_IDENTIFIER);
const clientId = z.string().min(1).max(128);

/** One kind of token that a client may exchange, and for what. What no rule allows is refused. */
const rule = z.strictObject({
  /** The API that the token to exchange must be for. */
  subject_audience: identifier,
  /** The API that the new token is for. */
  audience: identifier,
  /** Whether the new token says who acts for the person (RFC 8693 §1.1). */
  kind: z.enum(['delegation', 'impersonation']),
  /** Applications whose tokens these may be; any when not given. */
  subject_clients: z.array(clientId).min(1).max(MOST_RULES).optional(),
  /** The most that the new token may allow; what the exchanged one allows bounds it as well. */
  scope: z
    .string()
    .max(2000)
    .refine(
      (scope) => scope.split(' ').every(isScopeToken),
      'must be scope tokens separated by single spaces',
    )
    .optional(),
});

export type ExchangeRule = z.infer<typeof rule>;

/** Members of a registration about token exchange. */
export const exchangeMembers = {
  /** Which tokens the client may exchange. */
  token_exchange: z.array(rule).min(1).max(MOST_RULES).optional(),
  /** The only client that may exchange this one's tokens: it stands in them as `may_act` (RFC 8693 §4.4). */
  may_act: clientId.optional(),
};

interface ExchangeMetadata {
  grant_types: ReadonlyArray<string>;
  token_endpoint_auth_method?: string | undefined;
  token_exchange?: ReadonlyArray<ExchangeRule> | undefined;
  may_act?: string | undefined;
}

/** Why the present configuration does not let the registration be used. */
export function exchangeConfigurationProblem(
  { grant_types: grants, may_act: mayAct }: Pick<ExchangeMetadata, 'grant_types' | 'may_act'>,
  { tokenExchange }: Configuration['features'],
): string | undefined {
  if (tokenExchange) return undefined;
  if (grants.includes(TOKEN_EXCHANGE_GRANT)) {
    return `grant_types: ${TOKEN_EXCHANGE_GRANT} needs features.token_exchange, which is off`;
  }
  return mayAct === undefined ? undefined : 'may_act needs features.token_exchange, which is off';
}

/** What of a registration about token exchange contradicts itself. */
export function exchangeConsistencyProblem(metadata: ExchangeMetadata): string | undefined {
  const registered = metadata.grant_types.includes(TOKEN_EXCHANGE_GRANT);
  if (registered !== (metadata.token_exchange !== undefined)) {
    return `token_exchange and the grant type ${TOKEN_EXCHANGE_GRANT} go together`;
  }
  if (registered && metadata.token_endpoint_auth_method === 'none') {
    return `${TOKEN_EXCHANGE_GRANT} needs a confidential client: token_endpoint_auth_method must not be none`;
  }
  return undefined;
}
