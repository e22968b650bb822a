import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key, as PEM files. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

/**
 * Makes a certificate that vouches for itself, valid for a week, in `folder`. RSA, as FAPI's list of cipher suites wants.
 */
export async function makeCertificate(
  folder: string,
  name: string,
  alternativeNames?: string,
): Promise<CertificateFiles> {
  const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) };
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '7', '-subj', `/CN=${name}`];
  const names = alternativeNames === undefined ? [] : ['-addext', `subjectAltName=${alternativeNames}`];
  await promisify(execFile)('openssl', [...words, ...names, '-keyout', files.key, '-out', files.certificate]);
  return files;
}
