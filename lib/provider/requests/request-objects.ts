import { type Configuration as EngineConfiguration, errors } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import { assertProfiledRequest } from './profiles.ts';
import { isByReference } from './referenced-requests.ts';

type Features = NonNullable<EngineConfiguration['features']>;

/** The longest (s) that a signed request may be of use (as FAPI 2.0 Message Signing §5.3.1 has it). */
const LONGEST_LIFE_SECONDS = 3600;

/** What an authentication request of a backchannel must have besides (CIBA §7.1.1). */
const BACKCHANNEL_CLAIMS = ['exp', 'iat', 'nbf', 'jti'] as const;

const missing = (claim: string) =>
  new errors.InvalidRequestObject(`the request object has no ${claim} claim`);

/**
 * Signed authorization requests (RFC 9101). `iss`, `aud`, the times and the signature are the engine's to check. What is left: a
 * request that somebody has seen must end to be of use, by its `exp` or, where it is fetched from the client, because that serves it no
 * more; and an assertion that authenticates the client, signed by the same key, is no request (RFC 9101 §10.8).
 */
export function requestObjects(
  mode: Configuration['features']['requestObjects'],
): Features['requestObjects'] {
  return {
    enabled: mode !== 'off',
    requireSignedRequestObject: mode === 'required',
    assertJwtClaimsAndHeader: async (ctx, claims, header, client) => {
      // The engine reads the times of a request that was pushed without a signature from an object of its own making.
      const { exp, nbf, sub } = claims as { exp?: number; nbf?: number; sub?: unknown };
      const required =
        ctx.oidc.route === 'backchannel_authentication'
          ? BACKCHANNEL_CLAIMS
          : isByReference(ctx)
            ? []
            : (['exp'] as const);
      for (const claim of required) if (claims[claim] === undefined) throw missing(claim);
      const now = Math.floor(Date.now() / 1000);
      if ((exp ?? 0) - Math.max(now, nbf ?? 0) > LONGEST_LIFE_SECONDS) {
        throw new errors.InvalidRequestObject('the request object may be of use for an hour at most');
      }
      if (sub !== undefined && sub === client.clientId) {
        throw new errors.InvalidRequestObject('a client assertion is no request object');
      }
      assertProfiledRequest(claims, header, client);
      const type = (header as { typ?: unknown }).typ;
      if (type !== undefined && !/^(application\/)?(jwt|oauth-authz-req\+jwt)$/i.test(String(type))) {
        throw new errors.InvalidRequestObject('the type of the request object must be oauth-authz-req+jwt');
      }
    },
  };
}
