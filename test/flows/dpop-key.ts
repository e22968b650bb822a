import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';

/** A key of a client, by which it proves that it holds it (RFC 9449). */
export interface DpopKey {
  thumbprint: string;
  /** A proof for a POST to this address; `claims` add to it, or take the place of its own. */
  proof(url: string, claims?: Record<string, string>): Promise<string>;
}

/** Makes a new one. */
export async function dpopKey(): Promise<DpopKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwk = await exportJWK(publicKey);
  return {
    thumbprint: await calculateJwkThumbprint(jwk),
    proof: (url, claims = {}) =>
      new SignJWT({ htm: 'POST', htu: url, jti: crypto.randomUUID(), ...claims })
        .setIssuedAt()
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .sign(privateKey),
  };
}
