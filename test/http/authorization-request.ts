import { createHash, randomBytes } from 'node:crypto';

/** An authorization request as an ordinary client makes it (RFC 6749 §4.1.1 with PKCE), and what belongs to it. */
export interface AuthorizationRequest {
  url: URL;
  state: string;
  verifier: string;
}

/** Builds one; a parameter that is `undefined` is left out. */
export function authorizationRequest(
  issuer: string,
  parameters: Record<string, string | undefined> & { client_id: string; redirect_uri: string },
): AuthorizationRequest {
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(8).toString('hex');
  const url = new URL('/auth', issuer);
  const all = {
    response_type: 'code',
    scope: 'openid',
    state,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...parameters,
  };
  for (const [name, value] of Object.entries(all)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return { url, state, verifier };
}
