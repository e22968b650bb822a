import type { Refusal } from './token-verifier.ts';

/** An answer that every kind of server can send. */
export interface RefusalResponse {
  status: number;
  headers: Record<string, string>;
  body: { error: string; error_description: string };
}

/** What challenges say of the API. */
export interface ChallengeFacts {
  /** What they call it. */
  realm: string;
  /** Where its metadata is, so that a client finds out whom to ask for a token (RFC 9728 §5.1). */
  metadataUrl?: string | undefined;
  /** With what a client may sign proofs (RFC 9449 §7.1); undefined where none are taken. */
  proofAlgorithms?: readonly string[] | undefined;
}

type Parameter = readonly [name: string, value: string];

/** What is wrong, and what a challenge says of it. */
interface Fault {
  status: number;
  error: string;
  description: string;
  parameters?: Parameter[];
}

/**
 * The answer of RFC 6750 §3 and RFC 9449 §7.1 to a refused token. A challenge for a missing token carries no error code (§3.1). Expired
 * and invalid differ in their description, since a client renews after the one and signs in again after the other; why
 * a token is invalid is nobody's business but the log's.
 *
 * @param byProof whether the token came by the scheme `DPoP`: its challenge is the one that carries the error.
 */
export function refusalResponse(refusal: Refusal, facts: ChallengeFacts, byProof = false): RefusalResponse {
  if (refusal.outcome === 'unavailable') return unavailable(refusal.retryAfter);
  const { status, error, description, parameters = [] } = faultOf(refusal);
  const told: Parameter[] =
    refusal.outcome === 'missing'
      ? []
      : [['error', error], ['error_description', description], ...parameters];
  return {
    status,
    headers: { 'Cache-Control': 'no-store', 'WWW-Authenticate': challenges(facts, told, byProof) },
    body: { error, error_description: description },
  };
}

function faultOf(refusal: Exclude<Refusal, { outcome: 'unavailable' }>): Fault {
  switch (refusal.outcome) {
    case 'missing':
      return { status: 401, error: 'missing_token', description: 'This needs an access token' };
    case 'malformed_request':
      return { status: 400, error: 'invalid_request', description: refusal.reason };
    case 'expired':
      return { status: 401, error: 'invalid_token', description: 'The access token expired' };
    case 'invalid':
      return { status: 401, error: 'invalid_token', description: 'The access token is invalid' };
    case 'invalid_proof':
      return { status: 401, error: 'invalid_dpop_proof', description: 'The DPoP proof is invalid' };
    case 'insufficient_scope':
      return {
        status: 403,
        error: 'insufficient_scope',
        description: 'The access token lacks a scope',
        parameters: [['scope', refusal.requiredScopes.join(' ')]],
      };
    case 'insufficient_user_authentication': {
      const { acrValues, maxAge } = refusal.required;
      return {
        status: 401,
        error: 'insufficient_user_authentication',
        description: 'A different authentication of the person is required',
        // RFC 9470 §3: what the client is to ask for.
        parameters: [
          ...(acrValues === undefined ? [] : [['acr_values', acrValues.join(' ')] as const]),
          ...(maxAge === undefined ? [] : [['max_age', String(maxAge)] as const]),
        ],
      };
    }
  }
}

function unavailable(retryAfter: number): RefusalResponse {
  return {
    status: 503,
    headers: { 'Cache-Control': 'no-store', 'Retry-After': String(retryAfter) },
    body: {
      error: 'temporarily_unavailable',
      error_description: 'Access tokens cannot be checked at the moment',
    },
  };
}

/** One challenge for each scheme that the API takes; the first is that of the request, with what is wrong. */
function challenges(
  { realm, metadataUrl, proofAlgorithms }: ChallengeFacts,
  told: readonly Parameter[],
  byProof: boolean,
): string {
  const always: Parameter[] = metadataUrl === undefined ? [] : [['resource_metadata', metadataUrl]];
  const algorithms: Parameter[] = [['algs', (proofAlgorithms ?? []).join(' ')]];
  const kinds = [
    { scheme: 'Bearer', own: [], present: !byProof },
    ...(proofAlgorithms === undefined ? [] : [{ scheme: 'DPoP', own: algorithms, present: byProof }]),
  ].sort((one, other) => Number(other.present) - Number(one.present));
  return kinds
    .map(({ scheme, own, present }) => {
      const parameters: Parameter[] = [['realm', realm], ...(present ? told : []), ...own, ...always];
      return `${scheme} ${parameters.map(([name, value]) => `${name}="${quotable(value)}"`).join(', ')}`;
    })
    .join(', ');
}

/** Leaves out what may not stand in a quoted string of a challenge (RFC 6750 §3, RFC 9110 §5.6.4). */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, '');
}
