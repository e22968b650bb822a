import type { SigningKey } from '../../keys/signing-keys.ts';

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A compact JWS (RFC 7515 §7.1) of these claims. Throws ExternalSignerUnavailable. */
export async function signedToken(key: SigningKey, typ: string, claims: object): Promise<string> {
  const input = `${base64url({ alg: key.algorithm, kid: key.kid, typ })}.${base64url(claims)}`;
  return `${input}.${Buffer.from(await key.sign(Buffer.from(input))).toString('base64url')}`;
}
