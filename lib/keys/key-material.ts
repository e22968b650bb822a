import {
  createPrivateKey,
  createPublicKey,
  constants as cryptoConstants,
  generateKeyPair,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Configuration } from '../../config/configuration.ts';
import { signAside } from './sign-aside.ts';

export type SigningAlgorithm = Configuration['keys']['algorithms'][number];

/**
 * RFC 7518 §3.3 and §3.5 ask for 2048 bits at least. 2048 and no more: a signature costs about a third of one of
 * 3072 bits, and a key that is replaced every month need not hold for decades.
 */
const RSA_MODULUS_BITS = 2048;

const generate = promisify(generateKeyPair);

async function generatePair(
  algorithm: SigningAlgorithm,
): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (algorithm) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'ES384':
      return generate('ec', { namedCurve: 'P-384' });
    case 'ES512':
      return generate('ec', { namedCurve: 'P-521' });
    case 'EdDSA':
    case 'Ed25519':
      return generate('ed25519');
    case 'ML-DSA-44':
      return generate('ml-dsa-44');
    case 'ML-DSA-65':
      return generate('ml-dsa-65');
    case 'ML-DSA-87':
      return generate('ml-dsa-87');
    default:
      algorithm satisfies `${'RS' | 'PS'}${string}`;
      return generate('rsa', { modulusLength: RSA_MODULUS_BITS, publicExponent: 0x10001 });
  }
}

/** A key pair that has just been made and is not stored yet. */
export interface KeyMaterial {
  /** RFC 7638 thumbprint. */
  kid: string;
  algorithm: SigningAlgorithm;
  publicJwk: JWK;
  /** PKCS#8, DER. */
  privateKey: Buffer;
}

/** The public JWK as it stands in the JWKS: the public members of its key type, `alg`, `use` and `kid`, nothing else. */
export async function describePublicKey(
  publicKey: KeyObject,
  algorithm: string,
): Promise<JWK & { kid: string }> {
  const { kty, crv, n, e, x, y, pub } = publicKey.export({ format: 'jwk' }) as JWK;
  // The key type of ML-DSA is told by the algorithm alone, which therefore is part of the thumbprint (RFC 9964 §3).
  const alg = kty === 'AKP' ? algorithm : undefined;
  const present = Object.fromEntries(
    Object.entries({ kty, crv, n, e, x, y, pub, alg }).filter(([, value]) => value !== undefined),
  ) as JWK;
  return { ...present, alg: algorithm, use: 'sig', kid: await calculateJwkThumbprint(present) };
}

/** Makes a key pair off the main thread (an RSA pair takes some hundred milliseconds). */
export async function makeKeyMaterial(algorithm: SigningAlgorithm): Promise<KeyMaterial> {
  const { publicKey, privateKey } = await generatePair(algorithm);
  const publicJwk = await describePublicKey(publicKey, algorithm);
  return {
    kid: publicJwk.kid,
    algorithm,
    publicJwk,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

/** Whether a public key is one of this algorithm, and of its size (RFC 7518 §3.3 and §3.5: RSA of 2048 bits at least). */
export function fitsAlgorithm(publicKey: KeyObject, algorithm: string): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = publicKey;
  switch (algorithm.slice(0, 2)) {
    case 'RS':
    case 'PS':
      return type === 'rsa' && (details?.modulusLength ?? 0) >= RSA_MODULUS_BITS;
    case 'ES': {
      const curves: Record<string, string> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };
      return type === 'ec' && details?.namedCurve === curves[algorithm];
    }
    case 'Ed':
      return type === 'ed25519';
    default:
      return type === algorithm.toLowerCase();
  }
}

/** Reads a public JWK. Throws when it is none. */
export function readPublicKey(jwk: JWK): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** Reads a PKCS#8 private key. Throws when it is none. */
export function readPrivateKey(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/**
 * A function that signs as RFC 7518 §3, RFC 8037 §3.1 and RFC 9964 §4 say for this algorithm. What takes microseconds (ES256, EdDSA) is done at
 * once: to hand it to another thread costs more than the signature. To hand options to `sign` does so too: half of
 * an ES256 signature's time goes to having its form changed there.
 */
export function prepareSigner(
  algorithm: string,
  privateKey: KeyObject,
): (data: Uint8Array) => Buffer | Promise<Buffer> {
  const digest = `sha${algorithm.slice(-3)}`;
  switch (algorithm.slice(0, 2)) {
    // The digest is the algorithm's own.
    case 'Ed':
      return (data) => sign(null, data, privateKey);
    case 'ML':
      return (data) => signAside(null, data, privateKey);
    case 'ES': {
      if (algorithm === 'ES256') return (data) => fixedLengthSignature(sign(digest, data, privateKey));
      const input = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
      return (data) => signAside(digest, data, input);
    }
    case 'PS': {
      const padding = cryptoConstants.RSA_PKCS1_PSS_PADDING;
      const input = { key: privateKey, padding, saltLength: cryptoConstants.RSA_PSS_SALTLEN_DIGEST };
      return (data) => signAside(digest, data, input);
    }
    default:
      return (data) => signAside(digest, data, privateKey);
  }
}

/** A function that says whether a signature is one of this algorithm by this key; the counterpart of `prepareSigner`. */
export function prepareVerifier(
  algorithm: string,
  publicKey: KeyObject,
): (data: Uint8Array, signature: Uint8Array) => boolean {
  const digest = /^(Ed|ML)/.test(algorithm) ? null : `sha${algorithm.slice(-3)}`;
  const padding = cryptoConstants.RSA_PKCS1_PSS_PADDING;
  const options = algorithm.startsWith('ES')
    ? { dsaEncoding: 'ieee-p1363' as const }
    : algorithm.startsWith('PS')
      ? { padding, saltLength: cryptoConstants.RSA_PSS_SALTLEN_DIGEST }
      : {};
  return (data, signature) => verify(digest, data, { key: publicKey, ...options }, signature);
}

/** Octets of each of the two integers of a P-256 signature. */
const P256_OCTETS = 32;

/** RFC 7518 §3.4: the two integers one after another, of fixed length; OpenSSL gives them in ASN.1 DER, without padding. */
function fixedLengthSignature(der: Buffer): Buffer {
  const signature = Buffer.alloc(2 * P256_OCTETS);
  // SEQUENCE and its length, then for each integer its tag and its length; a signature of P-256 has no longer lengths.
  let offset = 2;
  for (const end of [P256_OCTETS, 2 * P256_OCTETS]) {
    const length = der.readUInt8(offset + 1);
    offset += 2;
    const octets = Math.min(length, P256_OCTETS);
    der.copy(signature, end - octets, offset + length - octets, offset + length);
    offset += length;
  }
  return signature;
}
