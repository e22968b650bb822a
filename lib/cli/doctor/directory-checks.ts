import type { Configuration } from '../../../config/configuration.ts';
import { createLog } from '../../observability/log.ts';
import { type Check, type Finding, fine, problem, warning } from './finding.ts';

type Settings = Configuration['accounts']['ldap'];

/** Whether each server of the directory answers, and whether people can be read in it. */
export const ldapCheck: Check = async ({ configuration: { accounts } }) => {
  if (accounts.adapter !== 'ldap') return [];
  const { urls } = accounts.ldap;
  return (await Promise.all(urls.map((url) => serverFindings({ ...accounts.ldap, urls: [url] })))).flat();
};

async function serverFindings(settings: Settings): Promise<Finding[]> {
  // Loaded by those who have a directory alone, like its library.
  const [{ LdapDirectory }, { EntryReader }, { configuredFilter }] = await Promise.all([
    import('../../accounts/ldap/ldap-directory.ts'),
    import('../../accounts/ldap/entry-reader.ts'),
    import('../../accounts/ldap/ldap-filters.ts'),
  ]);
  const [url = ''] = settings.urls;
  const directory = new LdapDirectory(settings);
  const reader = new EntryReader(settings, createLog('silent'));
  try {
    const [entry] = await directory.search(settings.baseDn ?? '', {
      scope: 'sub',
      filter: configuredFilter('user_filter', settings.userFilter),
      attributes: [...reader.attributes],
      explicitBufferAttributes: ['objectGUID'],
      sizeLimit: 1,
    });
    if (entry === undefined) {
      return [
        warning(
          'ldap',
          `${url} answers, and has nobody below ${settings.baseDn} whom accounts.ldap.user_filter fits`,
          'look at the filter, and at what accounts.ldap.bind_dn may read',
        ),
      ];
    }
    const { sub, logins } = reader.read(entry);
    const missing = sub === undefined ? settings.subAttribute : settings.loginAttributes.join(' or ');
    return sub === undefined || logins.length === 0
      ? [
          problem(
            'ldap',
            `${url} answers, and a person in it has no usable ${missing}: they cannot sign in`,
            'name attributes that everybody has, and that accounts.ldap.bind_dn may read',
          ),
        ]
      : [fine('ldap', `${url} answers, and people can be read in it`)];
  } catch (error) {
    return [
      problem(
        'ldap',
        error instanceof Error ? error.message : String(error),
        'look at accounts.ldap and the way there; while no server answers, nobody can sign in, and tokens are answered with 503',
      ),
    ];
  } finally {
    await directory.close();
  }
}
