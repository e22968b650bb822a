import { z } from 'zod';
import type { Configuration } from './configuration.ts';
import {
  hasOneKeySource,
  issuerMembers,
  names,
  ONE_KEY_SOURCE,
  readTrustedIssuers,
} from './trusted-issuers.ts';

/** Who vouches for instances of clients (draft-ietf-oauth-attestation-based-client-auth), and for which. */
const clientAttester = z
  .strictObject({
    ...issuerMembers,
    /** The applications that it vouches for, by client_id. */
    clients: names,
    /** The longest (s) that an attestation may still be valid. */
    longest_life: z.int().min(60).max(2_592_000).default(86_400),
  })
  .refine(hasOneKeySource, ONE_KEY_SOURCE);

export type ClientAttester = z.infer<typeof clientAttester>;

/** The trusted attesters of a file; a line that says what is wrong with it. */
export function readClientAttesters(file: string): ClientAttester[] | string {
  return readTrustedIssuers(file, 'attesters', clientAttester);
}

/** What is wrong with the file that the configuration names, and with what it needs. */
export function clientAttesterProblems({ features }: Configuration): string[] {
  const file = features.clientAttestersFile;
  if (file === undefined) return [];
  const name = 'features.client_attesters_file (LATCHKEY_FEATURES_CLIENT_ATTESTERS_FILE)';
  const read = readClientAttesters(file);
  if (typeof read === 'string') return [`${name}: ${read}`];
  // The engine takes a DPoP proof for proof of an attested key, and then wants a nonce in it.
  return features.dpopNonces === 'off' ? [`${name}: is set, but features.dpop_nonces is off`] : [];
}
