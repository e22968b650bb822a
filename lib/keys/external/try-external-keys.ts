import { randomBytes } from 'node:crypto';
import type { SigningAlgorithm } from '../key-material.ts';
import { readPublicKey } from '../key-material.ts';
import { externalMaterial } from './external-material.ts';
import type { ExternalSigner } from './external-signer.ts';
import { UnusableExternalKey } from './external-signer-errors.ts';

interface KnownKey {
  kid: string;
  algorithm: string;
  state: string;
  externalKey: string | null;
}

/**
 * Has every external key that matters sign something, and verifies it by the public key that is, or will be, published: keys that are
 * active or announced, and those that are configured. Throws UnusableExternalKey.
 */
export async function tryExternalKeys(
  { rules, signer }: { rules: { external: ReadonlyMap<string, string> }; signer: ExternalSigner | undefined },
  keys: ReadonlyArray<KnownKey>,
): Promise<void> {
  const wanted = new Map<string, { name: string; algorithm: string; kid?: string }>();
  for (const [algorithm, name] of rules.external) wanted.set(name, { name, algorithm });
  for (const { kid, algorithm, state, externalKey: name } of keys) {
    if (name !== null && (state === 'active' || state === 'announced'))
      wanted.set(name, { name, algorithm, kid });
  }
  await Promise.all([...wanted.values()].map((each) => tryKey(signer, each, keys)));
}

async function tryKey(
  signer: ExternalSigner | undefined,
  { name, algorithm, kid }: { name: string; algorithm: string; kid?: string },
  keys: ReadonlyArray<KnownKey>,
): Promise<void> {
  if (signer === undefined) {
    throw new UnusableExternalKey(
      `${algorithm}: ${kid} is kept elsewhere as ${name} and still signs, but nobody is configured to sign with it; keep that until another key has taken its place (keys list)`,
    );
  }
  try {
    const material = await externalMaterial(signer, algorithm as SigningAlgorithm, name);
    if (kid !== undefined && material.kid !== kid) {
      throw new UnusableExternalKey(
        `${algorithm}: ${name} is not the key ${kid} any more that is published under that name`,
      );
    }
    const other = keys.find((key) => key.kid === material.kid && key.externalKey !== name);
    if (other !== undefined) {
      throw new UnusableExternalKey(
        `${algorithm}: ${name} is ${other.kid}, a key that there is already by another name`,
      );
    }
    await signer.sign({ name, algorithm, publicKey: readPublicKey(material.publicJwk) }, randomBytes(64));
  } catch (error) {
    if (error instanceof UnusableExternalKey) throw error;
    throw new UnusableExternalKey(
      `${algorithm}: ${name} cannot be signed with: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}
