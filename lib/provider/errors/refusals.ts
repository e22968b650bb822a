import { errors } from 'oidc-provider';
import type { CommitOutcome } from '../../grants/grants.ts';
import { PROOF_ALGORITHMS } from '../algorithms.ts';

type Refusal = Extract<CommitOutcome, { outcome: 'refused' }>;

/** What a refused commit says on the wire: a protocol error's code, description and HTTP status. */
export interface RefusalResponse {
  status: number;
  error: string;
  description: string;
  /** `WWW-Authenticate`, where a protected resource refuses. */
  challenge?: string;
}

/** What the refused request was, as far as that decides the answer. */
export interface RefusedRequest {
  clientAssertion: boolean;
  /** Whether the request redeems an assertion of another issuer (RFC 7523 §2.1). */
  assertionGrant?: boolean;
  /** The engine's name of the endpoint. */
  route?: string | undefined;
}

/** The protocol's words for a storage refusal. Exhaustive: a new reason does not compile until it has its words. */
export function refusalResponse(refusal: Refusal, request: RefusedRequest): RefusalResponse {
  switch (refusal.reason) {
    case 'already_used':
      // Answered in another tab, and gone on: the person is told so, there is no client to tell.
      if (refusal.model === 'Interaction') return startAgain();
      return refusal.model === 'PushedAuthorizationRequest'
        ? {
            status: 400,
            error: 'invalid_request_uri',
            description: 'request_uri is invalid, expired, or was already used',
          }
        : { status: 400, error: 'invalid_grant', description: 'grant request is invalid' };
    case 'reused':
    case 'grant_revoked':
      return { status: 400, error: 'invalid_grant', description: 'grant request is invalid' };
    case 'replayed':
      if (request.route === 'userinfo') return replayedAtUserinfo();
      // Which of its JWTs it was does not matter: the same request came before.
      if (request.assertionGrant === true) {
        return { status: 400, error: 'invalid_grant', description: 'grant request is invalid' };
      }
      // RFC 7523 §3 item 7 for assertions, RFC 9449 §4.3 item 12 for proofs.
      return request.clientAssertion
        ? { status: 401, error: 'invalid_client', description: 'client authentication failed' }
        : { status: 400, error: 'invalid_dpop_proof', description: 'DPoP proof JWT replay detected' };
    case 'session_ended':
    case 'session_changed':
    case 'account_ended':
      return startAgain();
    default:
      return refusal.reason satisfies never;
  }
}

/** RFC 9449 §7.1, in the words that the engine has for a replay that is not at the same moment. */
function replayedAtUserinfo(): RefusalResponse {
  const [error, description] = ['invalid_token', 'invalid token provided'];
  const algorithms = PROOF_ALGORITHMS.join(' ');
  const challenge = `DPoP error="${error}", error_description="${description}", algs="${algorithms}"`;
  return { status: 401, error, description, challenge };
}

function startAgain(): RefusalResponse {
  return {
    status: 400,
    error: 'session_changed',
    description: 'you signed out, or signed in as somebody else, while this was going on; please start again',
  };
}

/** A store in trouble, as the engine's error: RFC 6749 §4.1.2.1 `temporarily_unavailable`, HTTP 503. */
export function temporarilyUnavailable(cause: unknown): Error {
  const error = new errors.CustomOIDCProviderError(
    'temporarily_unavailable',
    'please try again in a moment',
    {
      cause,
    },
  );
  error.status = 503;
  error.statusCode = 503;
  error.expose = true;
  return error;
}

/** Whoever asks too often is to wait, as the engine's error: RFC 6585 §4, HTTP 429. `Retry-After` is the caller's. */
export function tooManyRequests(description: string): Error {
  const error = new errors.CustomOIDCProviderError('temporarily_unavailable', description);
  error.status = 429;
  error.statusCode = 429;
  return error;
}
