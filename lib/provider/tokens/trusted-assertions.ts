import { decodeJwt, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { errors } from 'oidc-provider';
import type { AssertionIssuer } from '../../../config/assertion-issuers.ts';
import { CLIENT_SIGNATURE_ALGORITHMS } from '../../clients/algorithms.ts';
import { keySetOf, keysAreUnreachable } from '../../outbound/key-set.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { temporarilyUnavailable } from '../errors/refusals.ts';

const CLOCK_TOLERANCE_SECONDS = 15;

/** The type of identity assertion authorization grants (draft-ietf-oauth-identity-assertion-authz-grant §3). */
const ID_JAG_TYPE = /^(application\/)?oauth-id-jag\+jwt$/i;
const PLAIN_TYPE = /^(application\/)?jwt$/i;

/** An assertion that was checked, and the issuer that vouches for it. */
export interface TrustedAssertion {
  issuer: AssertionIssuer;
  claims: JWTPayload & { sub: string; jti: string; exp: number };
}

/**
 * Checks assertions of the issuers that the operator trusts (RFC 7523 §3). The function it answers throws `InvalidGrant` with
 * what was wrong as its detail, or `temporarily_unavailable` while the issuer's keys cannot be had.
 */
export function trustedAssertions(options: {
  issuers: ReadonlyArray<AssertionIssuer>;
  /** Ours: the one audience that an assertion may have. */
  audience: string;
  safeFetch: SafeFetch;
}): (assertion: string, clientId: string) => Promise<TrustedAssertion> {
  const byName = new Map(
    options.issuers.map((issuer) => [issuer.issuer, { issuer, keys: keySetOf(issuer, options.safeFetch) }]),
  );
  return async (assertion, clientId) => {
    const trusted = byName.get(String(issuerNamed(assertion)));
    if (trusted === undefined) throw new errors.InvalidGrant('the issuer of the assertion is not trusted');
    const { issuer, keys } = trusted;
    if (!issuer.clients.includes(clientId)) {
      throw new errors.InvalidGrant('the client may not use assertions of this issuer');
    }
    const { payload, protectedHeader } = await verify(assertion, keys, {
      issuer: issuer.issuer,
      audience: options.audience,
    });
    const expected = issuer.profile === 'id-jag' ? ID_JAG_TYPE : PLAIN_TYPE;
    // A JWT that was made for something else, an ID token or an access token, is no grant.
    const type = protectedHeader.typ ?? (issuer.profile === 'id-jag' ? '' : 'JWT');
    if (!expected.test(type)) throw new errors.InvalidGrant('the assertion has another type (typ)');
    if ([payload.aud].flat().length !== 1) {
      throw new errors.InvalidGrant('the assertion has audiences beside the issuer');
    }
    const { client_id: boundTo, exp = 0 } = payload;
    if (issuer.profile === 'id-jag' ? boundTo !== clientId : boundTo !== undefined && boundTo !== clientId) {
      throw new errors.InvalidGrant('the assertion is for another client (client_id)');
    }
    if (exp - Date.now() / 1000 > issuer.longest_life + CLOCK_TOLERANCE_SECONDS) {
      throw new errors.InvalidGrant(`the assertion is valid for more than ${issuer.longest_life} seconds`);
    }
    return { issuer, claims: payload as TrustedAssertion['claims'] };
  };
}

function issuerNamed(assertion: string): unknown {
  try {
    return decodeJwt(assertion).iss;
  } catch {
    throw new errors.InvalidGrant('the assertion is no JWT');
  }
}

async function verify(assertion: string, keys: JWTVerifyGetKey, names: { issuer: string; audience: string }) {
  try {
    return await jwtVerify(assertion, keys, {
      ...names,
      algorithms: [...CLIENT_SIGNATURE_ALGORITHMS],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      requiredClaims: ['sub', 'exp', 'iat', 'jti'],
    });
  } catch (error) {
    if (keysAreUnreachable(error)) throw temporarilyUnavailable(error);
    throw new errors.InvalidGrant(`the assertion does not count: ${(error as Error).message}`);
  }
}
