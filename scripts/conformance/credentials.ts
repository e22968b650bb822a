/** Keys and certificates of clients. */
import { createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { exportJWK, generateKeyPair } from 'jose';
import { makeCertificate } from './certificate.ts';

const made = new Map<string, ReturnType<typeof makeCredentials>>();

async function makeCredentials(folder: string, name: string) {
  const { publicKey, privateKey } = await generateKeyPair('PS256', { extractable: true });
  const common = { alg: 'PS256', use: 'sig', kid: name };
  const { certificate, key } = await makeCertificate(folder, `client-${name}`);
  const pem = readFileSync(certificate, 'utf8');
  return {
    publicJwk: { ...(await exportJWK(publicKey)), ...common },
    privateJwk: { ...(await exportJWK(privateKey)), ...common },
    certifiedJwk: certifiedJwk(pem),
    mtls: { cert: pem, key: readFileSync(key, 'utf8') },
  };
}

/** What the client of this name proves itself with: the same for all plans of a run, since making keys takes long. */
export function credentialsOf(folder: string, name: string): ReturnType<typeof makeCredentials> {
  const place = join(folder, name);
  const credentials = made.get(place) ?? makeCredentials(folder, name);
  made.set(place, credentials);
  return credentials;
}

/** The key of a certificate, with the certificate (RFC 8705 §2.2.2). */
function certifiedJwk(pem: string) {
  const jwk = createPublicKey(pem).export({ format: 'jwk' });
  return { ...jwk, kid: 'certificate', use: 'sig', x5c: [new X509Certificate(pem).raw.toString('base64')] };
}
