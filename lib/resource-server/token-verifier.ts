/**
 * Token checking for APIs. This room owns the decision whether a request carries a good JWT access token of one issuer
 * for one API, and how the API answers when it does not. It refuses symmetric and absent signatures, ID tokens, tokens
 * for another audience, tokens bound to a key or a certificate that the caller does not prove to hold, and tokens in a URL. It depends on
 * `jose` alone and on nothing else of this project. It answers for RFC 6750 (bearer tokens), RFC 9068 (JWT access
 * tokens), RFC 9449 §7 and RFC 8705 §3 (tokens that are bound), RFC 8414 and OpenID Connect Discovery (where the keys are), RFC 8725 (JWT best practices), RFC 9728 (its own
 * metadata), RFC 9470 (step-up authentication), and the Token Status List draft (tokens that were revoked before they expire).
 */
import { errors, jwtVerify } from 'jose';
import { type AccessTokenClaims, parseClaims, scopesOf } from './access-token-claims.ts';
import { type BearerPresentation, readAccessToken } from './bearer-token.ts';
import type { Fetch } from './fetch-json.ts';
import { createIssuerKeys, IssuerUnavailable } from './issuer-keys.ts';
import { isAuthenticated, type RequiredAuthentication } from './required-authentication.ts';
import { statusReferenceOf } from './status-list-token.ts';
import { type BindingOptions, createBindingCheck, type Possession } from './token-binding.ts';
import { createTokenStatuses } from './token-status.ts';

/** RFC 9068 §4: signatures of key pairs only. RS256 is the one that every issuer must support. */
const ASYMMETRIC_ALGORITHMS: ReadonlySet<string> = new Set([
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'],
  ...['EdDSA', 'Ed25519', 'ML-DSA-44', 'ML-DSA-65', 'ML-DSA-87'],
]);
const DEFAULT_ALGORITHMS = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'];

/** Characters of the longest token that is looked at; Node's own limit for all headers is as large. */
const LONGEST_TOKEN = 16_384;

/** What tokens must be, and how the issuer's keys are fetched. All durations are in seconds. */
export interface TokenVerifierOptions extends BindingOptions {
  /** The issuer's identifier, exactly as it stands in `iss`. https, or http on loopback. */
  issuer: string;
  /** This API's identifier: `aud` must be it or contain it. */
  audience: string;
  /** Signature algorithms believed, asymmetric ones only. Default RS256, PS256, ES256, EdDSA, Ed25519. */
  algorithms?: readonly string[];
  /** Scopes that every token must have. */
  requiredScopes?: readonly string[];
  /** Allowed difference of clocks for `exp` and `nbf`. Default 5. */
  clockTolerance?: number;
  /** Where the keys are, when the issuer has no discovery document. */
  jwksUri?: string;
  /** Replaces the global `fetch`, such as one with a proxy or a private certificate authority. */
  fetch?: Fetch;
  /** How long fetched keys are used before they are fetched again. Default 300. */
  cacheMaxAge?: number;
  /** For how long old keys still serve when fetching them again fails. Default 600. */
  staleIfError?: number;
  /** Least time between two fetches caused by unknown keys or by failures. Default 30. */
  cooldown?: number;
  /** How long one fetch may take. Default 5. */
  timeout?: number;
  /**
   * What a token counts as that has a status (Token Status List draft) which cannot be had: `refuse` (default) answers
   * that it cannot be checked now, `accept` takes it unless it was known as revoked before.
   */
  unknownStatus?: 'refuse' | 'accept';
  /** The longest that a status list is used, where that is less than it says; 1 at least. */
  statusMaxAge?: number;
}

/** Why a token was not accepted. A `reason` is for the API's own log, never for the caller. */
export type Refusal =
  | { outcome: 'missing' }
  | { outcome: 'malformed_request'; reason: string }
  | { outcome: 'expired' }
  | { outcome: 'invalid'; reason: string }
  /** The token may be good, but its holder's key did not sign for this request (RFC 9449 §4.3). */
  | { outcome: 'invalid_proof'; reason: string }
  | { outcome: 'insufficient_scope'; requiredScopes: readonly string[] }
  /** The person did not sign in as is required for this (RFC 9470). */
  | { outcome: 'insufficient_user_authentication'; required: RequiredAuthentication }
  /** The issuer's keys or its status list cannot be had: nothing is known about the token. `retryAfter` is in seconds. */
  | { outcome: 'unavailable'; retryAfter: number; reason: string };

/** What was found out about a token. */
export type Verification<Extra extends object = object> =
  | { outcome: 'valid'; claims: AccessTokenClaims & Extra }
  | Refusal;

/** Checks the tokens of one issuer for one API. Keep one for the life of the process: it holds the issuer's keys. */
export interface TokenVerifier<Extra extends object = object> {
  /**
   * Checks a token that was already taken out of its request, which counts as presented by `Bearer` and without any proof: one
   * that is bound to a key or a certificate is refused. Never rejects because of the token.
   */
  verifyToken(
    token: string,
    requiredScopes?: readonly string[],
    authentication?: RequiredAuthentication,
  ): Promise<Verification<Extra>>;
  /** Checks what a request presents: its `Authorization` header fields, and that its query carries no token. */
  verifyRequest(
    request: BearerPresentation,
    requiredScopes?: readonly string[],
    authentication?: RequiredAuthentication,
  ): Promise<Verification<Extra>>;
}

/**
 * Makes a verifier. Nothing is fetched before the first token arrives, so an API starts while its issuer is down.
 *
 * `Extra` types the claims that your issuer adds to the standard ones; it is your promise, not checked here.
 *
 * @throws {TypeError} when the issuer or `jwksUri` is not an https URL (or http on loopback), the audience is empty, or
 *   an algorithm is not an asymmetric signature; and as `createProofCheck` does.
 */
export function createTokenVerifier<Extra extends object = object>(
  options: TokenVerifierOptions,
): TokenVerifier<Extra> {
  const { issuer, audience, clockTolerance = 5, requiredScopes: always = [] } = options;
  const algorithms = [...(options.algorithms ?? DEFAULT_ALGORITHMS)];
  const unfit = algorithms.find((algorithm) => !ASYMMETRIC_ALGORITHMS.has(algorithm));
  if (unfit !== undefined) throw new TypeError(`algorithm ${unfit} is not an asymmetric signature`);
  if (algorithms.length === 0) throw new TypeError('algorithms must name at least one');
  if (!audience) throw new TypeError('audience must be the identifier of this API');
  const keys = createIssuerKeys(options);
  const { unknownStatus = 'refuse', fetch, timeout = 5, statusMaxAge: maxAge = Infinity } = options;
  const bindingProblem = createBindingCheck(options);
  const schemes = options.dpop === undefined ? (['Bearer'] as const) : (['Bearer', 'DPoP'] as const);
  const statuses = createTokenStatuses({ keys, algorithms, clockTolerance, fetch, timeout, maxAge });

  /** To be asked after signature, issuer, audience and times: only the issuer's own tokens cause a fetch. */
  async function refusalByStatus(payload: Readonly<Record<string, unknown>>): Promise<Refusal | undefined> {
    const reference = statusReferenceOf(payload);
    if (reference === undefined) return undefined;
    if (typeof reference === 'string') return { outcome: 'invalid', reason: reference };
    const status = await statuses.statusOf(reference);
    if (status.outcome === 'revoked') return { outcome: 'invalid', reason: 'the token was revoked' };
    if (status.outcome === 'valid' || unknownStatus === 'accept') return undefined;
    return { outcome: 'unavailable', retryAfter: status.retryAfter, reason: status.reason };
  }

  async function verify(
    token: string,
    possession: Possession | undefined,
    scopes: readonly string[] = [],
    required: RequiredAuthentication = {},
  ): Promise<Verification<Extra>> {
    if (token.length > LONGEST_TOKEN) return { outcome: 'invalid', reason: 'token is too long' };
    try {
      const { payload } = await jwtVerify(token, keys.keyFor, {
        issuer,
        audience,
        algorithms,
        clockTolerance,
        // RFC 9068 §4: whatever else the issuer signs (ID tokens, logout tokens) must not pass for an access token.
        typ: 'at+jwt',
        requiredClaims: ['exp', 'iat', 'sub', 'client_id', 'jti'],
      });
      const claims = parseClaims(payload);
      if (typeof claims === 'string') return { outcome: 'invalid', reason: claims };
      const requiredScopes = [...new Set([...always, ...scopes])];
      const granted = scopesOf(claims);
      const refusal = await refusalByStatus(payload);
      if (refusal !== undefined) return refusal;
      const unproved = await bindingProblem(token, payload.cnf, possession);
      if (unproved !== undefined) return unproved;
      if (!requiredScopes.every((scope) => granted.has(scope))) {
        return { outcome: 'insufficient_scope', requiredScopes };
      }
      if (!isAuthenticated(claims, required, clockTolerance)) {
        return { outcome: 'insufficient_user_authentication', required };
      }
      return { outcome: 'valid', claims: claims as AccessTokenClaims & Extra };
    } catch (error) {
      return refusalFor(error);
    }
  }

  return {
    verifyToken: (token, scopes, authentication) => verify(token, undefined, scopes, authentication),
    async verifyRequest(request, scopes, authentication) {
      const presented = readAccessToken(request, schemes);
      if (presented.outcome !== 'presented') return presented;
      const { method = 'GET', url, proofs = [], certificate } = request;
      const { scheme } = presented;
      const possession = { scheme, method, url, proofs, certificate, request: request.request };
      return verify(presented.token, possession, scopes, authentication);
    },
  };
}

function refusalFor(error: unknown): Refusal {
  if (error instanceof IssuerUnavailable) {
    return { outcome: 'unavailable', retryAfter: error.retryAfter, reason: error.message };
  }
  // jose looks at the clock last, so only a token that was good in every other respect is called expired.
  if (error instanceof errors.JWTExpired) return { outcome: 'expired' };
  if (error instanceof errors.JOSEError) return { outcome: 'invalid', reason: error.message };
  // Header, payload and keys are what others wrote; jose and WebCrypto report some of their faults as plain errors.
  if (error instanceof TypeError || error instanceof DOMException) {
    return { outcome: 'invalid', reason: error.message };
  }
  throw error;
}
