import { decodeJwt } from 'jose';
import {
  type Client,
  type Configuration as EngineConfiguration,
  errors,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import {
  isFirstGeneration,
  isSecondGeneration,
  PROFILE_ALGORITHMS,
} from '../../clients/metadata/profile-metadata.ts';
import { profileOf } from './client-profile.ts';

/** How far (s) ahead a JWT may be dated (FAPI 2.0 Security Profile §5.3.2.1 item 13). */
const FURTHEST_AHEAD_SECONDS = 60;
/** The longest life (s) of a signed request, from its `nbf` (FAPI 2.0 Message Signing §5.3.1; FAPI 1.0 Advanced §5.2.2). */
const LONGEST_REQUEST_SECONDS = 3600;

interface Claims {
  iss?: unknown;
  aud?: unknown;
  exp?: unknown;
  iat?: unknown;
  nbf?: unknown;
}

/** What the engine does by itself: `s_hash`, `nonce` or `state`, and signed answers in FAPI 1.0; no token in a query. */
export function fapi(): NonNullable<EngineConfiguration['features']>['fapi'] {
  return {
    enabled: true,
    profile: (_ctx, client) => {
      const profile = profileOf(client);
      if (profile === undefined) return undefined;
      return isSecondGeneration(profile) ? '2.0' : '1.0 Final';
    },
  };
}

/**
 * Whether a request must have PKCE: every one (RFC 9700 §2.1.1) but that of FAPI 1.0 Advanced by value, whose signed
 * request and `s_hash` and `nonce`, or signed answer, stand in for it; and, where the configuration says so, that of a client
 * which authenticates and is held to no profile.
 */
export function pkceRequired({
  codeChallenges,
}: Configuration['features']): (ctx: KoaContextWithOIDC, client: Client) => boolean {
  return (ctx, client) => {
    const profile = profileOf(client);
    if (isFirstGeneration(profile)) return ctx.oidc.route === 'pushed_authorization_request';
    if (profile !== undefined || codeChallenges === 'required') return true;
    return codeChallenges === 'public_clients' && client.tokenEndpointAuthMethod === 'none';
  };
}

/** RFC 9700 §2.2.2; FAPI 2.0 Security Profile §5.3.2.1 item 9: not where the token is bound to the client's key. */
export function rotatesRefreshTokens(ctx: KoaContextWithOIDC): boolean {
  return !isSecondGeneration(profileOf(ctx.oidc.client));
}

/** Throws `InvalidClientAuth` for a client assertion that the profile forbids. */
export function assertProfiledAssertion(
  ctx: KoaContextWithOIDC,
  claims: Claims,
  header: { alg?: unknown },
  client: object,
): void {
  const profile = profileOf(client);
  if (profile === undefined) return;
  const refuse = (detail: string) => {
    throw new errors.InvalidClientAuth(`profile ${profile}: ${detail}`);
  };
  if (!PROFILE_ALGORITHMS[profile].includes(String(header.alg))) {
    refuse(`the client assertion must be signed by ${PROFILE_ALGORITHMS[profile].join(', ')}`);
  }
  if (!isSecondGeneration(profile)) return;
  // FAPI 2.0 Security Profile §5.3.2.1 item 8.
  if (claims.aud !== ctx.oidc.provider.issuer) {
    refuse('the audience of the client assertion must be the issuer, as a string');
  }
  if (datedAhead(claims)) refuse('the client assertion is dated more than 60 seconds ahead');
}

/**
 * Throws `InvalidRequestObject` for a signed request that the profile forbids. A request that was pushed unsigned comes here as the
 * engine's own object, which conforms but for a signature.
 */
export function assertProfiledRequest(claims: Claims, header: { alg?: unknown }, client: object): void {
  const profile = profileOf(client);
  if (profile === undefined || header.alg === 'none') return;
  const refuse = (detail: string) => {
    throw new errors.InvalidRequestObject(`profile ${profile}: ${detail}`);
  };
  if (!PROFILE_ALGORITHMS[profile].includes(String(header.alg))) {
    refuse(`the request object must be signed by ${PROFILE_ALGORITHMS[profile].join(', ')}`);
  }
  const { aud, exp, nbf } = claims;
  if (aud === undefined) refuse('the request object has no aud claim');
  if (nbf === undefined) refuse('the request object has no nbf claim');
  if (Number(exp) - Number(nbf) > LONGEST_REQUEST_SECONDS) {
    refuse('the request object may live for an hour at most, from its nbf');
  }
  if (isSecondGeneration(profile) && datedAhead(claims)) {
    refuse('the request object is dated more than 60 seconds ahead');
  }
}

/** Throws `InvalidTarget` where an API's tokens are signed as the client's profile forbids (FAPI 2.0 Security Profile §5.4.1). */
export function assertProfiledTokens(client: object, algorithm: string): void {
  const profile = profileOf(client);
  if (profile === undefined || PROFILE_ALGORITHMS[profile].includes(algorithm)) return;
  throw new errors.InvalidTarget(
    `profile ${profile}: the API wants tokens signed with ${algorithm}, which the profile forbids`,
  );
}

/**
 * Throws for a sign-in in the background that the profile forbids: FAPI-CIBA §5.2.2 item 2 wants a binding message, by which a person
 * knows that the request on their own device is the one that they see elsewhere.
 */
export function assertProfiledBinding(client: object | undefined, message: string | undefined): void {
  if (profileOf(client) !== 'fapi-ciba' || message !== undefined) return;
  throw new errors.InvalidRequest('profile fapi-ciba: the request has no binding_message');
}

/** Whether a DPoP proof needs a nonce: its date alone, more than a minute ahead, does not do in FAPI 2.0. */
export function proofNeedsNonce(ctx: KoaContextWithOIDC): boolean {
  if (!isSecondGeneration(profileOf(ctx.oidc.client))) return false;
  try {
    return datedAhead(decodeJwt(ctx.get('DPoP')));
  } catch {
    // No JWT at all: for the engine to say.
    return false;
  }
}

function datedAhead({ iat, nbf }: Claims): boolean {
  const latest = Date.now() / 1000 + FURTHEST_AHEAD_SECONDS;
  return [iat, nbf].some((time) => typeof time === 'number' && time > latest);
}
