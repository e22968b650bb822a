import type { Refusal } from './token-verifier.ts';

/** An answer that every kind of server can send. */
export interface RefusalResponse {
  status: number;
  headers: Record<string, string>;
  body: { error: string; error_description: string };
}

/**
 * The answer of RFC 6750 §3 to a refused token. A challenge for a missing token carries no error code (§3.1). Expired
 * and invalid differ in their description, since a client renews after the one and signs in again after the other; why
 * a token is invalid is nobody's business but the log's.
 *
 * @param realm what the challenge calls this API.
 * @param metadataUrl where its metadata is, so that a client finds out whom to ask for a token (RFC 9728 §5.1).
 */
export function refusalResponse(refusal: Refusal, realm: string, metadataUrl?: string): RefusalResponse {
  const answer = answerTo(refusal, realm);
  if (metadataUrl !== undefined && 'WWW-Authenticate' in answer.headers) {
    answer.headers['WWW-Authenticate'] += `, resource_metadata="${quotable(metadataUrl)}"`;
  }
  return answer;
}

function answerTo(refusal: Refusal, realm: string): RefusalResponse {
  switch (refusal.outcome) {
    case 'missing':
      return challenge(401, realm, 'missing_token', 'This needs an access token', 'no error code');
    case 'malformed_request':
      return challenge(400, realm, 'invalid_request', refusal.reason);
    case 'expired':
      return challenge(401, realm, 'invalid_token', 'The access token expired');
    case 'invalid':
      return challenge(401, realm, 'invalid_token', 'The access token is invalid');
    case 'insufficient_scope': {
      const answer = challenge(403, realm, 'insufficient_scope', 'The access token lacks a scope');
      answer.headers['WWW-Authenticate'] += `, scope="${quotable(refusal.requiredScopes.join(' '))}"`;
      return answer;
    }
    case 'insufficient_user_authentication': {
      const { acrValues, maxAge } = refusal.required;
      const answer = challenge(
        401,
        realm,
        'insufficient_user_authentication',
        'A different authentication of the person is required',
      );
      // RFC 9470 §3: what the client is to ask for.
      if (acrValues !== undefined) {
        answer.headers['WWW-Authenticate'] += `, acr_values="${quotable(acrValues.join(' '))}"`;
      }
      if (maxAge !== undefined) answer.headers['WWW-Authenticate'] += `, max_age="${maxAge}"`;
      return answer;
    }
    case 'unavailable':
      return {
        status: 503,
        headers: { 'Cache-Control': 'no-store', 'Retry-After': String(refusal.retryAfter) },
        body: {
          error: 'temporarily_unavailable',
          error_description: 'Access tokens cannot be checked at the moment',
        },
      };
  }
}

function challenge(
  status: number,
  realm: string,
  error: string,
  description: string,
  disclosed: 'error code' | 'no error code' = 'error code',
): RefusalResponse {
  const code = disclosed === 'error code' ? `, error="${error}", error_description="${description}"` : '';
  return {
    status,
    headers: { 'Cache-Control': 'no-store', 'WWW-Authenticate': `Bearer realm="${quotable(realm)}"${code}` },
    body: { error, error_description: description },
  };
}

/** Leaves out what may not stand in a quoted string of a challenge (RFC 6750 §3, RFC 9110 §5.6.4). */
function quotable(text: string): string {
  return text.replaceAll(/[^\x20\x21\x23-\x5B\x5D-\x7E]/g, '');
}
