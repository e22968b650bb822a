import type { KeyObject } from 'node:crypto';
import { describePublicKey, fitsAlgorithm } from '../key-material.ts';
import type { SealedMaterial } from '../key-store.ts';
import type { ExternalSigner } from './external-signer.ts';
import { UnusableExternalKey } from './external-signer-errors.ts';

/**
 * What is stored of a key that is kept elsewhere: its public part and its name. Throws UnusableExternalKey when it is none
 * for the algorithm, and ExternalSignerUnavailable.
 */
export async function externalMaterial(
  signer: ExternalSigner | undefined,
  algorithm: SealedMaterial['algorithm'],
  name: string,
): Promise<SealedMaterial> {
  if (signer === undefined) throw new UnusableExternalKey(`${algorithm}: nobody signs with ${name}`);
  const publicKey: KeyObject = await signer.publicKey(name);
  if (!fitsAlgorithm(publicKey, algorithm)) {
    throw new UnusableExternalKey(`${algorithm}: ${name} is no key for this algorithm`);
  }
  const publicJwk = await describePublicKey(publicKey, algorithm);
  return { kid: publicJwk.kid, algorithm, publicJwk, sealedPrivateKey: null, externalKey: name };
}
