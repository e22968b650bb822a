import { createECDH, createHash, hkdfSync } from 'node:crypto';
import type { JWK } from 'oidc-provider';
import type { Sealer } from '../../database/sealer.ts';

const ORDER_OF_P256 = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** A private key of P-256 from a secret: 128 bits more than the order has, so that the bias is nothing (NIST SP 800-56A §5.6.1.2.1). */
function privateKeyFrom(secret: Buffer): Buffer {
  const wide = Buffer.from(hkdfSync('sha256', secret, '', 'P-256', 48));
  const scalar = (BigInt(`0x${wide.toString('hex')}`) % (ORDER_OF_P256 - 1n)) + 1n;
  return Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex');
}

/**
 * The keys that clients encrypt request objects to (RFC 9101 §4), newest first. They follow from the encryption keys of the
 * data, so that every process has the same and nothing more is to be kept; a new one in front is the one to use, and
 * what was encrypted to the others still opens.
 */
export function requestEncryptionKeys(sealer: Pick<Sealer, 'deriveAll'>): JWK[] {
  return sealer.deriveAll('request-object-encryption').map((secret) => {
    const curve = createECDH('prime256v1');
    curve.setPrivateKey(privateKeyFrom(secret));
    const point = curve.getPublicKey();
    const x = point.subarray(1, 33).toString('base64url');
    const y = point.subarray(33).toString('base64url');
    // RFC 7638 §3.
    const kid = createHash('sha256')
      .update(JSON.stringify({ crv: 'P-256', kty: 'EC', x, y }))
      .digest('base64url');
    return { kty: 'EC', crv: 'P-256', use: 'enc', kid, x, y, d: curve.getPrivateKey('base64url') } as JWK;
  });
}
