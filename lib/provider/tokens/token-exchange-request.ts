import { errors } from 'oidc-provider';
import { ACCESS_TOKEN_TYPE, JWT_TYPE } from './token-exchange-tokens.ts';

/** The parameters of RFC 8693 §2.1. */
export const EXCHANGE_PARAMETERS = [
  ...['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'],
  ...['requested_token_type', 'audience', 'resource', 'scope'],
];

/** A request for an exchange, as far as its form goes. */
export interface ExchangeRequest {
  subject: { token: string; type: string };
  actor: { token: string; type: string } | undefined;
  requestedType: string;
  /** The API that the new token is for. */
  target: string;
  /** None when the client leaves it to the provider. */
  scopes: ReadonlySet<string>;
}

type Parameters = Readonly<Record<string, string | string[] | undefined>>;

function required(parameters: Parameters, name: string): string {
  const value = parameters[name];
  if (typeof value !== 'string') throw new errors.InvalidRequest(`missing required parameter(s) '${name}'`);
  return value;
}

/** By `resource` or by `audience`: an API has the same name in both. */
function targetOf({ resource, audience }: Parameters): string {
  const named = new Set([resource, audience].flat().filter((name) => name !== undefined));
  const [target] = named;
  if (target === undefined || named.size > 1) {
    throw new errors.InvalidTarget('one audience or resource must be named');
  }
  return target;
}

/** Reads a request; invalid_request and invalid_target by RFC 8693 §2.1 and §2.2.2. */
export function readExchangeRequest(parameters: Parameters): ExchangeRequest {
  const subject = {
    token: required(parameters, 'subject_token'),
    type: required(parameters, 'subject_token_type'),
  };
  const requestedType = parameters.requested_token_type ?? ACCESS_TOKEN_TYPE;
  if (requestedType !== ACCESS_TOKEN_TYPE && requestedType !== JWT_TYPE) {
    throw new errors.InvalidRequest('requested_token_type is not supported');
  }
  const hasActor = parameters.actor_token !== undefined;
  if (!hasActor && parameters.actor_token_type !== undefined) {
    throw new errors.InvalidRequest('actor_token_type goes with actor_token');
  }
  const { scope } = parameters;
  return {
    subject,
    actor: hasActor
      ? { token: required(parameters, 'actor_token'), type: required(parameters, 'actor_token_type') }
      : undefined,
    requestedType,
    target: targetOf(parameters),
    scopes: new Set(typeof scope === 'string' ? scope.split(' ') : []),
  };
}
