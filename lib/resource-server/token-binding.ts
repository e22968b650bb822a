import { createProofCheck, type DpopOptions, sha256 } from './dpop-proof.ts';

/** Tokens that are bound to a key, and what shows that whoever sends one holds it. */
export interface BindingOptions {
  /** Takes tokens that are bound by DPoP (RFC 9449). Without it they are refused. */
  dpop?: DpopOptions;
  /**
   * Takes tokens that are bound to the client's certificate (RFC 8705 §3), and says where that comes from: `tls` from the
   * connection of Node's own TLS (`requestCert`), `client-cert` from the header of RFC 9440, which a proxy must set or remove in
   * every request. Without it they are refused.
   */
  certificates?: 'tls' | 'client-cert';
  /** Refuses tokens that are bound to nothing, as FAPI 2.0 asks (Security Profile §5.3.4). */
  requireBinding?: boolean;
}

/** What a request shows besides its token. */
export interface Possession {
  scheme: 'Bearer' | 'DPoP';
  method: string;
  url: string;
  /** Every `DPoP` header field. */
  proofs: readonly string[];
  /** The client's certificate as DER. */
  certificate: Uint8Array<ArrayBuffer> | undefined;
  /** The request itself, where it may be checked more than once. */
  request?: object | undefined;
}

type BindingProblem = { outcome: 'invalid'; reason: string } | { outcome: 'invalid_proof'; reason: string };

const invalid = (reason: string): BindingProblem => ({ outcome: 'invalid', reason });

/**
 * Makes the check whether a good token is in the hands that it was given to, by its `cnf` claim. `possession` is undefined where nothing is
 * known but the token: then only one that is bound to nothing passes. Taking a bound token as a bearer token would let a thief use
 * what was bound against theft (RFC 9449 §7.1, RFC 8705 §3).
 *
 * @throws {TypeError} as `createProofCheck` does.
 */
export function createBindingCheck({
  dpop,
  certificates,
  requireBinding = false,
}: BindingOptions): (
  token: string,
  confirmation: unknown,
  possession: Possession | undefined,
) => Promise<BindingProblem | undefined> {
  const proofProblem = dpop === undefined ? undefined : createProofCheck(dpop);
  return async (token, confirmation, possession) => {
    if (confirmation === undefined) {
      if (possession?.scheme === 'DPoP') return invalid('the token is bound to no key, and DPoP was used');
      return requireBinding ? invalid('the token is bound to nothing') : undefined;
    }
    if (typeof confirmation !== 'object' || confirmation === null) return invalid('"cnf" is no object');
    const { jkt, 'x5t#S256': thumbprint, ...others } = confirmation as Record<string, unknown>;
    if (Object.keys(others).length > 0 || (jkt === undefined) === (thumbprint === undefined)) {
      return invalid('the token is bound in a way that is not known');
    }
    if (jkt !== undefined) {
      if (proofProblem === undefined || possession?.scheme !== 'DPoP') {
        return invalid('the token is bound to a key and was presented as a bearer token');
      }
      const problem = await proofProblem(token, String(jkt), possession);
      return problem === undefined ? undefined : { outcome: 'invalid_proof', reason: problem };
    }
    if (certificates === undefined || possession === undefined) {
      return invalid('the token is bound to a certificate, and none is looked at');
    }
    if (possession.scheme === 'DPoP')
      return invalid('the token is bound to a certificate, and DPoP was used');
    const { certificate } = possession;
    if (certificate === undefined) return invalid('the token is bound to a certificate, and none was shown');
    return (await sha256(certificate)) === thumbprint
      ? undefined
      : invalid('the token is bound to another certificate');
  };
}
