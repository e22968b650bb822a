import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Certificates for a server on the loopback and for its client, by an authority of their own; and a client’s by another authority.
 * Nothing outside the tests trusts them.
 */
const FILES = {
  authority: `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUCIaJN+Oyy9P32sq/Tl49GzgRkQIwCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXTGF0Y2hrZXkgdGVzdCBhdXRob3JpdHkwIBcNMjYxMTI2MDg1
ODM0WhgPMjEyNjExMDIwODU4MzRaMCIxIDAeBgNVBAMMF0xhdGNoa2V5IHRlc3Qg
YXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaaGDi9YjtzTxefPx
IAwBemCi/Gy541JjNfiffREfmvooRsz1M7Zczw0DtCi3qpXM1+BRpTpHaxSUAiEB
e808F6NTMFEwHQYDVR0OBBYEFPpNNapnIEzRYY+iBLH6YeM1MVRGMB8GA1UdIwQY
MBaAFPpNNapnIEzRYY+iBLH6YeM1MVRGMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDRwAwRAIgH/qBmeK15o2vVJ9c4MCCiNbm0B1oWOIJOC3QP+AeiKICIDeF
95hpGkcrNXhYcELI366vqjOjep75LWBXjh9XYvfH
-----END CERTIFICATE-----
`,
  otherAuthority: `-----BEGIN CERTIFICATE-----
MIIBmDCCAT+gAwIBAgIUb+77wEhN5uyCcIfOmg85Lswdk8kwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWQW5vdGhlciB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjYwODU4
MzRaGA8yMTI2MTEwMjA4NTgzNFowITEfMB0GA1UEAwwWQW5vdGhlciB0ZXN0IGF1
dGhvcml0eTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNmYcLgpgqgrc6B7Ub9v
fJ6FnCwRAycTk0aaOmKE4mQKq1aPUzeZ/tPMPQjFZUoSB3V58QIml+xazs56VKK0
0qKjUzBRMB0GA1UdDgQWBBQ9lyrEebldt+gopiiZj5cJfuMnfjAfBgNVHSMEGDAW
gBQ9lyrEebldt+gopiiZj5cJfuMnfjAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49
BAMCA0cAMEQCIFMeu5eFS8TY0jOFIvhOyAZ+aTMR8kMCx4K/FX+/PX9kAiA9c2he
4/w4rEtJlc9NCe5GxpbppIoZgjRRfnkT+foY2Q==
-----END CERTIFICATE-----
`,
  serverCertificate: `-----BEGIN CERTIFICATE-----
MIIBuDCCAV2gAwIBAgIUGWimbg6vzyMbqbWgSpiHcYBj7pswCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXTGF0Y2hrZXkgdGVzdCBhdXRob3JpdHkwIBcNMjYxMTI2MDg1
ODM0WhgPMjEyNjExMDIwODU4MzRaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABPwW+c5bM9eBZM0INoAM05ASNS1x9PACfRMc
bWbBh7nAesGvRDTRIY5Onzw3EN4t23RjjgqhF6hLpfIBHP7VQ9qjfTB7MBoGA1Ud
EQQTMBGCCWxvY2FsaG9zdIcEfwAAATAdBgNVHSUEFjAUBggrBgEFBQcDAQYIKwYB
BQUHAwIwHQYDVR0OBBYEFFzLCuHGUefwiOXu9XC0eJhXI/77MB8GA1UdIwQYMBaA
FPpNNapnIEzRYY+iBLH6YeM1MVRGMAoGCCqGSM49BAMCA0kAMEYCIQCUpLRBi7CH
rkNcCoGqaUapfnF/4Dj111waT5cKmZK/3wIhAPmCqDsramBykglDVXObTihZkxQ5
stWVzOcEgxg3BMJs
-----END CERTIFICATE-----
`,
  serverKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgW59So1MxYV3k5awb
ZRS/MOgnrI6NaUg+yr955lrG/YShRANCAAT8FvnOWzPXgWTNCDaADNOQEjUtcfTw
An0THG1mwYe5wHrBr0Q00SGOTp88NxDeLdt0Y44KoReoS6XyARz+1UPa
-----END PRIVATE KEY-----
`,
  clientCertificate: `-----BEGIN CERTIFICATE-----
MIIBjzCCATagAwIBAgIUGWimbg6vzyMbqbWgSpiHcYBj7pwwCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXTGF0Y2hrZXkgdGVzdCBhdXRob3JpdHkwIBcNMjYxMTI2MDg1
ODM0WhgPMjEyNjExMDIwODU4MzRaMBMxETAPBgNVBAMMCGxhdGNoa2V5MFkwEwYH
KoZIzj0CAQYIKoZIzj0DAQcDQgAExGUMACHlkmmS7yfAlzohcGessQaMSio/9hjB
anwXQuLl87lfz4AbAOob+/asQ8AQc+O+H94TtwXBoMe6siDs86NXMFUwEwYDVR0l
BAwwCgYIKwYBBQUHAwIwHQYDVR0OBBYEFG2HYF9qdcLgv8Po2DfQEiksPhtHMB8G
A1UdIwQYMBaAFPpNNapnIEzRYY+iBLH6YeM1MVRGMAoGCCqGSM49BAMCA0cAMEQC
IHM1PaeV0okDDGFLAuf37hZnvmCnzkR9KS5wrFFfKoFzAiA5n200VajIxerha+G0
wGsn8QZNyKGaSRp8rg5aZ0A4UA==
-----END CERTIFICATE-----
`,
  clientKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgkKkGIMh3cb2r7jyE
b4CdFnJ8dHolxkrUN6t6rhKs4SehRANCAATEZQwAIeWSaZLvJ8CXOiFwZ6yxBoxK
Kj/2GMFqfBdC4uXzuV/PgBsA6hv79qxDwBBz474f3hO3BcGgx7qyIOzz
-----END PRIVATE KEY-----
`,
  strangerCertificate: `-----BEGIN CERTIFICATE-----
MIIBkDCCATWgAwIBAgIUPl3tRvYOrda8Byy/905XX48lJLYwCgYIKoZIzj0EAwIw
ITEfMB0GA1UEAwwWQW5vdGhlciB0ZXN0IGF1dGhvcml0eTAgFw0yNjExMjYwODU4
MzRaGA8yMTI2MTEwMjA4NTgzNFowEzERMA8GA1UEAwwIbGF0Y2hrZXkwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAAR5MNgegw8zP7pXBAwQxeE3spM3QzxtPbd6p00M
fht90mvG8q+YcQbbZHLWBjctHnU7yRSBt15K5s5RAhS0spoVo1cwVTATBgNVHSUE
DDAKBggrBgEFBQcDAjAdBgNVHQ4EFgQUApj3RJJWAIMQ5+wOQl+9U5CNNvMwHwYD
VR0jBBgwFoAUPZcqxHm5XbfoKKYomY+XCX7jJ34wCgYIKoZIzj0EAwIDSQAwRgIh
AIzFUcOkswDCYR0SbAZM3Rmt6T2ne/tGsPoSw7Yn95hdAiEAuTQ2Itg5OMJQeiEx
szQDfXIqdvKBDpLE4CZ+hkEqKuE=
-----END CERTIFICATE-----
`,
  strangerKey: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgPQ0ZwFCJ39B2SA88
gCUe+jBip+15Qv2UV2tFLmmNzEmhRANCAAR5MNgegw8zP7pXBAwQxeE3spM3Qzxt
Pbd6p00Mfht90mvG8q+YcQbbZHLWBjctHnU7yRSBt15K5s5RAhS0spoV
-----END PRIVATE KEY-----
`,
};

export type CertificateFiles = Record<keyof typeof FILES, string> & { remove(): void };

/** Writes them into a temporary folder. */
export function writeCertificates(): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-certificates-'));
  const written = Object.entries(FILES).map(([name, pem]) => {
    const file = join(folder, `${name}.pem`);
    writeFileSync(file, pem);
    return [name, file] as const;
  });
  return {
    ...(Object.fromEntries(written) as Record<keyof typeof FILES, string>),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
