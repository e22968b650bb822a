import type { BearerPresentation } from './bearer-token.ts';
import { PROOF_ALGORITHMS } from './dpop-proof.ts';
import {
  createProtectedResourceMetadata,
  type ProtectedResourceMetadata,
  type ResourceDescription,
} from './protected-resource-metadata.ts';
import { type RefusalResponse, refusalResponse } from './refusal-response.ts';
import type { RequiredAuthentication } from './required-authentication.ts';
import {
  createTokenVerifier,
  type Refusal,
  type TokenVerifierOptions,
  type Verification,
} from './token-verifier.ts';

/** What a resource server is told. */
export interface ResourceServerOptions extends TokenVerifierOptions {
  /** What challenges call this API. Default: the audience. */
  realm?: string;
  /**
   * Says that the API publishes its metadata (RFC 9728), by the adapter's `metadata()`, and has challenges point to it.
   * `{}` is enough where the audience is the API's own URL.
   */
  metadata?: ResourceDescription;
  /** Told of every refusal, with its reason: the place for a log line. */
  onRefusal?: (refusal: Refusal) => void;
}

/** The metadata that the options promise; undefined when they promise none. */
function metadataOf({
  metadata,
  issuer,
  audience,
}: ResourceServerOptions): ProtectedResourceMetadata | undefined {
  return metadata === undefined ? undefined : createProtectedResourceMetadata(metadata, { issuer, audience });
}

/** The metadata that an adapter serves. @throws {TypeError} when the options do not say that there is any. */
export function metadataToServe(options: ResourceServerOptions): ProtectedResourceMetadata {
  const metadata = metadataOf(options);
  if (metadata === undefined) throw new TypeError('the option metadata is needed to serve metadata');
  return metadata;
}

/** Decides about one request: the token's claims, or the answer to send. */
export type RequestCheck<Extra extends object> = (
  request: BearerPresentation,
  requiredScopes: readonly string[],
  authentication?: RequiredAuthentication,
) => Promise<
  | { outcome: 'admitted'; token: Extract<Verification<Extra>, { outcome: 'valid' }>['claims'] }
  | { outcome: 'answered'; response: RefusalResponse }
>;

/**
 * What all adapters have in common.
 *
 * @throws {TypeError} as `createTokenVerifier` does.
 */
export function createRequestCheck<Extra extends object>(
  options: ResourceServerOptions,
): RequestCheck<Extra> {
  const verifier = createTokenVerifier<Extra>(options);
  const { realm = options.audience, onRefusal, dpop } = options;
  const proofAlgorithms = dpop === undefined ? undefined : (dpop.algorithms ?? PROOF_ALGORITHMS);
  const challenge = { realm, metadataUrl: metadataOf(options)?.url, proofAlgorithms };
  return async (request, requiredScopes, authentication) => {
    const verification = await verifier.verifyRequest(request, requiredScopes, authentication);
    if (verification.outcome === 'valid') return { outcome: 'admitted', token: verification.claims };
    onRefusal?.(verification);
    const byProof = /^DPoP\s/i.test(request.authorization[0] ?? '');
    return { outcome: 'answered', response: refusalResponse(verification, challenge, byProof) };
  };
}
