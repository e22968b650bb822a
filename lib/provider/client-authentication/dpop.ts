import { createHmac } from 'node:crypto';
import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { Sealer } from '../../database/sealer.ts';
import type { SigningKeys } from '../../keys/signing-keys.ts';
import { proofNeedsNonce } from '../requests/profiles.ts';

type Features = NonNullable<EngineConfiguration['features']>;

/**
 * DPoP (RFC 9449). Nonces are computed from a secret and the minute (§8: unpredictable, and every process knows them without
 * a store). The secret changes with the active signing key: whoever learns one can make proofs ahead for a rotation
 * at most. A client that shows a nonce of before is given the present one, and asks again.
 */
export function dpop(rooms: {
  configuration: Configuration;
  sealer: Pick<Sealer, 'derive'>;
  keys: Pick<SigningKeys, 'snapshot'>;
}): Features['dPoP'] {
  const { dpopNonces } = rooms.configuration.features;
  if (dpopNonces === 'off') return { enabled: true };
  const active = rooms.keys.snapshot().keys[0]?.kid ?? '';
  return {
    enabled: true,
    nonceSecret: createHmac('sha256', rooms.sealer.derive('dpop-nonce')).update(active).digest(),
    requireNonce: (ctx) => dpopNonces === 'required' || proofNeedsNonce(ctx),
  };
}
