import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { bindRefusal, policyRefusal } from '../../lib/accounts/ldap/bind-refusal.ts';
import { isBelow, ownName } from '../../lib/accounts/ldap/distinguished-name.ts';
import { configuredFilter, memberInChain } from '../../lib/accounts/ldap/ldap-filters.ts';

describe('what a directory says of a bind', () => {
  const activeDirectory = (data: string) =>
    `80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data ${data}, v3839`;
  for (const [data, refusal] of [
    ['525', 'wrong_password'],
    ['52e', 'wrong_password'],
    ['530', 'disabled'],
    ['531', 'disabled'],
    ['532', 'password_expired'],
    ['533', 'disabled'],
    ['701', 'disabled'],
    ['773', 'password_expired'],
    ['775', 'locked'],
    ['57', 'wrong_password'],
  ] as const) {
    it(`means ${refusal} when Active Directory says ${data}`, () => {
      expect(bindRefusal({ code: 49, message: activeDirectory(data) })).to.equal(refusal);
    });
  }

  it('means what the password policy says, where there is one', () => {
    expect(bindRefusal({ code: 49, message: '' }, 0)).to.equal('password_expired');
    expect(bindRefusal({ code: 49, message: '' }, 1)).to.equal('locked');
    expect(bindRefusal({ code: 53, message: '' }, 1)).to.equal('locked');
    expect(policyRefusal(2)).to.equal('password_expired');
    expect(policyRefusal(undefined)).to.equal(undefined);
  });

  it('is no judgement of a password when the directory does not want, or cannot', () => {
    for (const code of [1, 2, 3, 8, 11, 13, 34, 51, 52, 53, 80]) {
      expect(bindRefusal({ code, message: activeDirectory('52e') }), String(code)).to.equal(undefined);
    }
  });
});

describe('names of entries', () => {
  it('are below another one when they end in it, name by name', () => {
    const base = 'OU=Groups, DC=example,DC=com';
    expect(isBelow('cn=staff,ou=groups,dc=example,dc=com', base)).to.equal(true);
    expect(isBelow('cn=staff,ou=berlin,ou=groups,dc=example,dc=com', base)).to.equal(true);
    expect(isBelow('ou=groups,dc=example,dc=com', base)).to.equal(false);
    expect(isBelow('cn=staff\\,ou=groups,dc=example,dc=com', base)).to.equal(false);
    expect(isBelow('cn=staff\\\\,ou=groups,dc=example,dc=com', base)).to.equal(true);
    expect(isBelow('cn=staff,ou=groups,dc=example,dc=com,dc=evil', base)).to.equal(false);
    expect(isBelow('cn=staff,xou=groups,dc=example,dc=com', base)).to.equal(false);
    expect(isBelow('cn=staff,dc=example', '')).to.equal(true);
  });

  for (const [dn, name] of [
    ['cn=staff,ou=groups', 'staff'],
    ['CN=Night\\, Shift,OU=Groups', 'Night, Shift'],
    ['cn=Night\\2C Shift,ou=groups', 'Night, Shift'],
    ['cn=Stra\\C3\\9Fe,ou=groups', 'Straße'],
    ['cn=a\\\\b\\"c\\+d,ou=groups', 'a\\b"c+d'],
    ['cn=two+uid=17,ou=groups', 'two'],
    ['cn=a\\=b=c', 'a=b=c'],
    ['cn=#04024869,ou=groups', undefined],
    ['', undefined],
  ] as const) {
    it(`says ${name} of ${dn}`, () => {
      expect(ownName(dn)).to.equal(name);
    });
  }
});

describe('filters of a directory', () => {
  it('have Active Directory follow groups in groups', () => {
    expect(String(memberInChain('member', 'cn=Ann (2),dc=example'))).to.equal(
      '(member:1.2.840.113556.1.4.1941:=cn=Ann \\282\\29,dc=example)',
    );
  });

  for (const text of ['(objectClass=person', '(&(a=b)', 'a=b)(c=d', '(=b)', '((a=b))', '(a=\\zz)']) {
    it(`that are none stop the start: ${text}`, () => {
      expect(() => configuredFilter('user_filter', text)).to.throw(ConfigurationError, /user_filter/);
    });
  }
});
