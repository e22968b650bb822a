import { X509Certificate } from 'node:crypto';
import type { Configuration } from './configuration.ts';
import { nameOfKey } from './given-value.ts';
import { ldapTlsOf } from './ldap-tls.ts';
import { readPem } from './read-pem.ts';

/** What an adapter needs is there, and what is there has an effect. */
export function accountProblems({ accounts }: Configuration): string[] {
  const { adapter, http, ldap } = accounts;
  if (adapter === 'http' && http.url === undefined) {
    return ['accounts.http.url (LATCHKEY_ACCOUNTS_HTTP_URL): is missing; accounts.adapter is http'];
  }
  return adapter === 'ldap' ? ldapProblems(ldap) : [];
}

const name = (key: string): string => nameOfKey(`accounts.ldap.${key}`);

function ldapProblems(ldap: Configuration['accounts']['ldap']): string[] {
  const problems: string[] = [];
  if (ldap.urls.length === 0) problems.push(`${name('urls')}: is missing; accounts.adapter is ldap`);
  if (ldap.baseDn === undefined) problems.push(`${name('base_dn')}: is missing; accounts.adapter is ldap`);
  if ((ldap.bindDn === undefined) !== (ldap.bindPassword === undefined)) {
    const missing = ldap.bindDn === undefined ? 'bind_dn' : 'bind_password';
    problems.push(`${name(missing)}: is missing; the other of the pair is set`);
  }
  if (ldap.groups.nesting !== 'none' && ldap.groups.from !== 'search') {
    problems.push(
      `${name('groups.nesting')}: is ${ldap.groups.nesting}, but accounts.ldap.groups.from is not search`,
    );
  }
  return [...problems, ...authorityProblems(ldap)];
}

/** Authorities of connections that are not encrypted would be a promise that nobody keeps. */
function authorityProblems({ caFile, urls, startTls }: Configuration['accounts']['ldap']): string[] {
  if (caFile === undefined) return [];
  if (urls.every((url) => ldapTlsOf(url, startTls) === 'off')) {
    return [`${name('ca_file')}: is set, but no connection is encrypted`];
  }
  const read = readPem(name('ca_file'), caFile, 'PEM certificates', (pem) => new X509Certificate(pem));
  return typeof read === 'string' ? [read] : [];
}
