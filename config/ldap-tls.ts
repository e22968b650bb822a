import type { Configuration } from './configuration.ts';
import { isLoopbackHost } from './loopback.ts';

/** How a connection to a server is protected: from the first byte, by StartTLS (RFC 4511 section 4.14), or not at all. */
export type LdapTls = 'implicit' | 'start' | 'off';

/** How the connection to one server of the directory is protected. */
export function ldapTlsOf(url: string, startTls: Configuration['accounts']['ldap']['startTls']): LdapTls {
  const { protocol, hostname } = new URL(url);
  if (protocol === 'ldaps:') return 'implicit';
  if (startTls === 'auto') return isLoopbackHost(hostname) ? 'off' : 'start';
  return startTls === 'required' ? 'start' : 'off';
}
