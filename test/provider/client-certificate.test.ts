import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import {
  alternativeNameMatches,
  subjectNameMatches,
} from '../../lib/provider/client-authentication/client-certificate.ts';

/** With a name of four parts, and alternative names of every kind, one of which looks like another. */
const certificate = new X509Certificate(`-----BEGIN CERTIFICATE-----
MIICUjCCAfigAwIBAgIUTrcuLoKHV9bsqXx5q0YlDAeevgQwCgYIKoZIzj0EAwIw
TTELMAkGA1UEBhMCREUxHjAcBgNVBAoMFU9yY2hhcmQsIE5vdGVzICsgU29uczEO
MAwGA1UECwwFS8O8aGUxDjAMBgNVBAMMBW5vdGVzMCAXDTI2MTEyNjA5NDcwNFoY
DzIxMjYxMTAyMDk0NzA0WjBNMQswCQYDVQQGEwJERTEeMBwGA1UECgwVT3JjaGFy
ZCwgTm90ZXMgKyBTb25zMQ4wDAYDVQQLDAVLw7xoZTEOMAwGA1UEAwwFbm90ZXMw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASabob6QgaUtQAnCiHgEHuGM0pOqaLC
RjRkQiidwWZE/ziEtSJPowxpumV3WXfFlbvm4mRli/DirCtzzn2GA+vso4GzMIGw
MIGOBgNVHREEgYYwgYOCDW5vdGVzLmV4YW1wbGWCDyoubm90ZXMuZXhhbXBsZYYp
aHR0cHM6Ly9ub3Rlcy5leGFtcGxlL2EsIEROUzpldmlsLmV4YW1wbGWHECABDbgA
AAAAAAAAAAAAAAGBEGl0QG5vdGVzLmV4YW1wbGWkEjAQMQ4wDAYDVQQDDAVvdGhl
cjAdBgNVHQ4EFgQUTHBrAqOktPNZgawtZ2y+eTITvVMwCgYIKoZIzj0EAwIDSAAw
RQIgY6KLCvpMjrtDWQ6OvY/kvwMa/eBD4exBTCMCHdQ4ZzICIQCr4P7WMOgxrPkF
s6roC3v3cu8mEq3DVhNRg9QSBZiMPw==
-----END CERTIFICATE-----
`);

/** One whose names are given in the form that Node has for them. */
const named = (names: { subject?: string; subjectAltName?: string }) => names as X509Certificate;

describe('the subject of a client certificate', () => {
  for (const name of [
    'CN=notes,OU=Kühe,O=Orchard\\, Notes \\+ Sons,C=DE',
    'cn=notes, ou=Kühe, o=Orchard\\, Notes \\+ Sons, c=DE',
    'CN=notes,OU=K\\C3\\BChe,O=Orchard\\2C Notes \\2B Sons,C=DE',
  ]) {
    it(`is ${name}, as RFC 4514 writes it`, () => {
      expect(subjectNameMatches(certificate, name)).to.equal(true);
    });
  }

  for (const [what, name] of [
    ['a part of it', 'CN=notes'],
    ['one with more', 'CN=notes,OU=Kühe,O=Orchard\\, Notes \\+ Sons,C=DE,DC=example'],
    ['another order', 'C=DE,O=Orchard\\, Notes \\+ Sons,OU=Kühe,CN=notes'],
    ['another value', 'CN=Notes,OU=Kühe,O=Orchard\\, Notes \\+ Sons,C=DE'],
    ['another type', 'UID=notes,OU=Kühe,O=Orchard\\, Notes \\+ Sons,C=DE'],
    ['one without its escapes', 'CN=notes,OU=Kühe,O=Orchard, Notes + Sons,C=DE'],
    ['no name', 'notes'],
    ['nothing', ''],
  ] as const) {
    it(`is not ${what}`, () => {
      expect(subjectNameMatches(certificate, name)).to.equal(false);
    });
  }

  it('is not what a value with line breaks or separators pretends', () => {
    const pretending = named({ subject: 'O=x\\0ACN=notes' });
    expect(subjectNameMatches(pretending, 'CN=notes,O=x')).to.equal(false);
    expect(subjectNameMatches(named({ subject: 'O=x\\,CN=notes' }), 'CN=notes,O=x')).to.equal(false);
    expect(subjectNameMatches(named({ subject: '' }), '')).to.equal(false);
  });

  it('may have parts of several attributes, in any order', () => {
    const several = named({ subject: 'O=x\nCN=a + UID=b' });
    expect(subjectNameMatches(several, 'UID=b+CN=a,O=x')).to.equal(true);
    expect(subjectNameMatches(several, 'CN=a,UID=b,O=x')).to.equal(false);
  });
});

describe('the alternative names of a client certificate', () => {
  it('match by kind, each in its own way', () => {
    expect(alternativeNameMatches(certificate, 'DNS', 'Notes.Example')).to.equal(true);
    expect(alternativeNameMatches(certificate, 'IP Address', '2001:db8::1')).to.equal(true);
    expect(alternativeNameMatches(certificate, 'email', 'it@notes.example')).to.equal(true);
    const uri = 'https://notes.example/a, DNS:evil.example';
    expect(alternativeNameMatches(certificate, 'URI', uri)).to.equal(true);
  });

  it('are not what is written inside another name, nor what a wildcard covers', () => {
    expect(alternativeNameMatches(certificate, 'DNS', 'evil.example')).to.equal(false);
    expect(alternativeNameMatches(certificate, 'DNS', 'www.notes.example')).to.equal(false);
    expect(alternativeNameMatches(certificate, 'URI', 'notes.example')).to.equal(false);
    expect(alternativeNameMatches(certificate, 'DNS', 'other')).to.equal(false);
    expect(alternativeNameMatches(named({}), 'DNS', 'notes.example')).to.equal(false);
  });

  it('of kinds that nobody can register are passed over', () => {
    const names = named({ subjectAltName: 'othername:<unsupported>, DNS:notes.example' });
    expect(alternativeNameMatches(names, 'DNS', 'notes.example')).to.equal(true);
    const doubtful = named({ subjectAltName: 'DirName:"CN=x, DNS:notes.example", DNS:notes.example' });
    expect(alternativeNameMatches(doubtful, 'DNS', 'notes.example')).to.equal(false);
  });
});
