import {
  createPrivateKey,
  createPublicKey,
  constants as cryptoConstants,
  generateKeyPair,
  type KeyObject,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, type JWK } from 'jose';
import type { Configuration } from '../../config/configuration.ts';

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
    case 'RS256':
    case 'PS256':
      return generate('rsa', { modulusLength: RSA_MODULUS_BITS, publicExponent: 0x10001 });
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'EdDSA':
      return generate('ed25519');
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
  const { kty, crv, n, e, x, y } = publicKey.export({ format: 'jwk' }) as JWK;
  const present = Object.fromEntries(
    Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined),
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

/** Reads a public JWK. Throws when it is none. */
export function readPublicKey(jwk: JWK): KeyObject {
  return createPublicKey({ key: jwk, format: 'jwk' });
}

/** Reads a PKCS#8 private key. Throws when it is none. */
export function readPrivateKey(der: Buffer): KeyObject {
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

/**
 * A function that signs as RFC 7518 §3 and RFC 8037 §3.1 say for this algorithm. It is synchronous on purpose: handing
 * each signature to the thread pool costs token requests more than it saves. So does handing options to `sign`: half of
 * an ES256 signature's time goes to having its form changed there.
 */
export function prepareSigner(algorithm: string, privateKey: KeyObject): (data: Uint8Array) => Buffer {
  switch (algorithm) {
    case 'EdDSA':
      return (data) => sign(null, data, privateKey);
    case 'ES256':
      return (data) => fixedLengthSignature(sign('sha256', data, privateKey));
    case 'PS256': {
      const padding = cryptoConstants.RSA_PKCS1_PSS_PADDING;
      const input = { key: privateKey, padding, saltLength: cryptoConstants.RSA_PSS_SALTLEN_DIGEST };
      return (data) => sign('sha256', data, input);
    }
    default:
      return (data) => sign('sha256', data, privateKey);
  }
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
