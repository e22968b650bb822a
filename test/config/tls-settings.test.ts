import { join } from 'node:path';
import { expect } from 'chai';
import { LoadingFolder } from './loading-folder.ts';

const tls = { LATCHKEY_ISSUER: 'https://localhost:3000' };

describe('settings of TLS', () => {
  const folder = LoadingFolder.open();

  it('name a certificate and its key', () => {
    folder.writeCertificate();
    const environment = {
      ...tls,
      LATCHKEY_TLS_CERT_FILE: 'cert.pem',
      LATCHKEY_TLS_KEY_FILE: 'key.pem',
      LATCHKEY_HOST: '0.0.0.0',
    };
    expect(folder.load(environment).tls.certFile).to.equal(join(folder.directory, 'cert.pem'));
  });

  folder.itRefuses([
    [
      'client certificates without TLS',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'tls' },
      /^features\.mutual_tls\.certificates \(LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES\): .*no TLS of its own/,
    ],
    [
      'client certificates by nobody’s proxy',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy' },
      /^features\.mutual_tls\.certificates .*trusted_proxies names none$/,
    ],
    [
      'authorities for certificates that nobody asks for',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CA_FILE: 'absent' },
      /^features\.mutual_tls\.ca_file .*certificates is not tls$/,
    ],
    [
      'a proxy that verifies what it is not asked for',
      { LATCHKEY_FEATURES_MUTUAL_TLS_PROXY_VERIFIES: 'true' },
      /^features\.mutual_tls\.proxy_verifies .*certificates is not proxy$/,
    ],
    [
      'a certificate without key',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem' },
      /^tls.key_file \(LATCHKEY_TLS_KEY_FILE\): is missing/,
    ],
    [
      'a key without certificate',
      { ...tls, LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file \(LATCHKEY_TLS_CERT_FILE\): is missing/,
    ],
    [
      'a missing certificate file',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'absent', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file .*absent \(ENOENT\)$/,
    ],
    [
      'a certificate that is none',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'key.pem', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file .*PEM certificate$/,
    ],
    [
      'a key that is none',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'cert.pem' },
      /^tls.key_file .*private key$/,
    ],
    [
      'a key of another certificate',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'other.pem' },
      /^tls.key_file .*is not the key of/,
    ],
    [
      'TLS under a plain-http issuer',
      { LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^issuer .*must be https/,
    ],
  ]);
});
