import type { BearerPresentation } from './bearer-token.ts';
import { type RefusalResponse, refusalResponse } from './refusal-response.ts';
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
  /** Told of every refusal, with its reason: the place for a log line. */
  onRefusal?: (refusal: Refusal) => void;
}

/** Decides about one request: the token's claims, or the answer to send. */
export type RequestCheck<Extra extends object> = (
  request: BearerPresentation,
  requiredScopes: readonly string[],
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
  const { realm = options.audience, onRefusal } = options;
  return async (request, requiredScopes) => {
    const verification = await verifier.verifyRequest(request, requiredScopes);
    if (verification.outcome === 'valid') return { outcome: 'admitted', token: verification.claims };
    onRefusal?.(verification);
    return { outcome: 'answered', response: refusalResponse(verification, realm) };
  };
}
