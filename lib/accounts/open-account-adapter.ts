/**
 * People: their records, claims, and the contract by which an adapter describes them. This room refuses logins
 * that only look different (canonical-login.ts), claims that the protocol fills itself (claims.ts), and a user base that answers
 * wrongly or not at all (AccountsUnavailable, never "no such person"). It knows no proof but a password, and hashes none itself.
 * It answers for OpenID Connect Core §5.1 (standard claims), §5.4 (claims by scope) and the uniqueness of `sub` (§2, §5.7).
 */
import type { Configuration } from '../../config/configuration.ts';
import type { Database } from '../database/database.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import type { AccountAdapter } from './account-adapter.ts';
import { apartFromClients } from './apart-from-clients.ts';
import { HttpAccountAdapter } from './http-account-adapter.ts';
import type { PasswordHasher, PasswordRules } from './password-hashing.ts';
import { SqlAccountAdapter } from './sql-account-adapter.ts';
import { SqlAccountDirectory } from './sql-account-directory.ts';

/**
 * The adapter that the configuration names: `sql` (people in Latchkey's own database, with a directory), `http`
 * (a company's user base, without) or `ldap` (an LDAP directory, without). Throws when the HTTP adapter's URL is missing or unfit, and
 * ConfigurationError when a filter of LDAP is none.
 */
export async function openAccountAdapter(options: {
  configuration: Configuration['accounts'];
  database: Database;
  hasher: PasswordHasher;
  rules: PasswordRules;
  events: Events;
  log: Log;
}): Promise<AccountAdapter> {
  const { configuration } = options;
  if (configuration.adapter === 'http') {
    return apartFromClients(new HttpAccountAdapter(configuration.http), options);
  }
  if (configuration.adapter === 'ldap') {
    // Loaded by those who have a directory alone, like its library.
    const { LdapAccountAdapter } = await import('./ldap/ldap-account-adapter.ts');
    return apartFromClients(new LdapAccountAdapter(configuration.ldap, options.log), options);
  }
  return new SqlAccountAdapter({ ...options, directory: new SqlAccountDirectory(options) });
}
