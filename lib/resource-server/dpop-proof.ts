import { base64url, calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify } from 'jose';
import { createFirstUses, type FirstUse } from './first-use.ts';
import { secureUrl } from './secure-url.ts';

/** How proofs of possession are checked (RFC 9449). */
export interface DpopOptions {
  /** The API's origin as clients call it, such as `https://api.example`: a proof is for one address, and no Host header is believed. */
  origin: string;
  /** Signature algorithms of proofs, asymmetric ones only. Default ES256, PS256, EdDSA, Ed25519. */
  algorithms?: readonly string[];
  /** Which proofs were used before. By default this process remembers; several processes need one memory. */
  firstUse?: FirstUse;
}

/** A request as far as a proof is about it. */
export interface ProvedRequest {
  method: string;
  url: string;
  /** Every `DPoP` header field. */
  proofs: readonly string[];
  /** The request itself, where it may be checked more than once. */
  request?: object | undefined;
}

/** RFC 9449 §4.3 item 5. RS256 is left out: FAPI 2.0 forbids it, and no client needs it who makes a key for this. */
export const PROOF_ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const;
/** How far (s) the date of a proof may be from now, either way: clocks differ, and requests take time. */
const ACCEPTED_SECONDS = 60;
const LONGEST_PROOF = 8192;

/** Requests whose proof was used by a check of this very request: the next one in its way takes it again. */
const provedBy = new WeakMap<object, string>();

/**
 * Makes the check of RFC 9449 §4.3: answers why a proof is none for this token, whose key has the thumbprint `jkt`, and this request.
 * undefined when it is one.
 *
 * @throws {TypeError} when the origin is no https URL (or http on loopback) or has more than an origin.
 */
export function createProofCheck(
  options: DpopOptions,
): (token: string, jkt: string, request: ProvedRequest) => Promise<string | undefined> {
  const { origin } = new URL(secureUrl(options.origin, 'dpop.origin'));
  if (options.origin.replace(/\/$/, '') !== origin)
    throw new TypeError('dpop.origin must be an origin alone');
  const algorithms = [...(options.algorithms ?? PROOF_ALGORITHMS)];
  const { firstUse = createFirstUses() } = options;
  return async (token, jkt, { method, url, proofs, request }) => {
    const [proof, ...others] = proofs;
    if (proof === undefined) return 'the request has no DPoP proof';
    if (others.length > 0) return 'the request has more than one DPoP proof';
    if (proof.length > LONGEST_PROOF) return 'the DPoP proof is too long';
    try {
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
        algorithms,
        typ: 'dpop+jwt',
        requiredClaims: ['iat', 'jti', 'htm', 'htu', 'ath'],
      });
      const { iat = 0, jti, htm, htu, ath } = payload;
      const now = Date.now() / 1000;
      if (htm !== method) return 'the DPoP proof is for another method';
      // A path that begins with two slashes is no other host.
      const called = new URL(url.startsWith('/') ? origin + url : url);
      if (addressOf(String(htu)) !== origin + called.pathname) return 'the DPoP proof is for another address';
      if (Math.abs(now - iat) > ACCEPTED_SECONDS) return 'the DPoP proof is not of now';
      if (ath !== (await sha256(new TextEncoder().encode(token))))
        return 'the DPoP proof is for another token';
      if (protectedHeader.jwk === undefined || (await calculateJwkThumbprint(protectedHeader.jwk)) !== jkt) {
        return 'the DPoP proof is by another key';
      }
      if (typeof jti !== 'string' || jti === '') return 'the DPoP proof has no identifier';
      const id = await sha256(new TextEncoder().encode(`${jkt} ${jti}`));
      if (request !== undefined && provedBy.get(request) === id) return undefined;
      if (!(await firstUse(id, iat + ACCEPTED_SECONDS))) return 'the DPoP proof was used before';
      if (request !== undefined) provedBy.set(request, id);
      return undefined;
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) {
        return `the DPoP proof is no good: ${error.message}`;
      }
      throw error;
    }
  };
}

/** Without query and fragment (RFC 9449 §4.3 item 9). */
function addressOf(htu: string): string | undefined {
  const url = URL.parse(htu);
  return url === null ? undefined : url.origin + url.pathname;
}

/** SHA-256 in base64url. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));
}
