import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { Server as HttpsServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import type { Log } from '../../observability/log.ts';

/** How often (ms) the certificate's files are looked at. */
const POLL_MILLISECONDS = 2000;

/** What BCP 195 recommends (RFC 9325 §4.2), and FAPI 2.0 Security Profile §5.2.2 asks for: those of TLS 1.3, and of TLS 1.2 these alone. */
const CIPHER_SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

export interface TlsFiles {
  certFile: string;
  keyFile: string;
  /** Asks every client for a certificate, and takes what it shows, or nothing; `caFile` names whose are verified. */
  clientCertificates?: { caFile?: string };
}

/** Options of a TLS server. Throws when a file cannot be read. */
export function readTls(
  files: TlsFiles,
): Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'minVersion' | 'ciphers' | 'requestCert' | 'rejectUnauthorized'> {
  const caFile = files.clientCertificates?.caFile;
  return {
    cert: readFileSync(files.certFile),
    key: readFileSync(files.keyFile),
    minVersion: 'TLSv1.2',
    ciphers: CIPHER_SUITES,
    ...(files.clientCertificates === undefined ? {} : { requestCert: true, rejectUnauthorized: false }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
  };
}

/** Keeps a server's certificate up to date with its files. */
export interface CertificateReloading {
  /** Reads the files now. One that cannot be used leaves the former certificate in place. */
  reload(): void;
  stop(): void;
}

/** Has a server take over its certificate, and the authorities of its clients, whenever one of the files changes. */
export function reloadCertificateOf(server: HttpsServer, files: TlsFiles, log: Log): CertificateReloading {
  const reload = (): void => {
    try {
      server.setSecureContext(readTls(files));
      log.info('the TLS certificate was reloaded');
    } catch (error) {
      // Half-written files are normal during a renewal: the old certificate stays until both fit.
      log.warn({ err: error }, 'the changed TLS certificate cannot be used yet; the former one stays');
    }
  };
  const caFile = files.clientCertificates?.caFile;
  const paths = [files.certFile, files.keyFile, ...(caFile === undefined ? [] : [caFile])];
  for (const path of paths) watchFile(path, { interval: POLL_MILLISECONDS, persistent: false }, reload);
  return {
    reload,
    stop: () => {
      for (const path of paths) unwatchFile(path, reload);
    },
  };
}
