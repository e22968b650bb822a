import { z } from 'zod';
import { count, path, settingTraits } from './setting-traits.ts';
import { claimFromAttribute, ldapAttribute, ldapFilter, ldapUrl } from './value-formats.ts';

const distinguishedName = (description: string) => z.string().min(1).exactOptional().describe(description);

/** Which groups of the directory people are told to be in. */
const groups = z.strictObject({
  from: z
    .enum(['none', 'member_of', 'search'])
    .default('none')
    .describe(
      'Where a person’s groups are read: `member_of` takes the attribute `memberOf` of their entry, `search` looks for groups that name them.',
    ),
  baseDn: distinguishedName(
    'Below which entry groups are; `accounts.ldap.base_dn` without it. Groups elsewhere do not count.',
  ),
  filter: ldapFilter
    .default('(objectClass=*)')
    .describe('Which entries are groups, for `search`: `(objectClass=group)` in Active Directory.'),
  memberAttribute: ldapAttribute
    .default('member')
    .describe('The attribute of a group that names its members, for `search`.'),
  memberValue: z
    .enum(['dn', 'login'])
    .default('dn')
    .describe('What members are named by: their entry, or their login as in `memberUid`.'),
  nameAttribute: ldapAttribute.default('cn').describe('The attribute with a group’s name, for `search`.'),
  nesting: z
    .enum(['none', 'walk', 'chain'])
    .default('none')
    .describe(
      'Groups in groups, for `search`: `walk` asks for the groups of groups, `chain` has Active Directory follow them itself.',
    ),
});

/** People in an LDAP directory. */
export const ldap = z.strictObject({
  urls: z
    .array(ldapUrl)
    .default([])
    .describe(
      'Servers with the same directory, `ldaps://host:636` or `ldap://host:389`; when one cannot be reached, the next is asked.',
    ),
  startTls: z
    .enum(['auto', 'required', 'off'])
    .default('auto')
    .describe(
      'Whether `ldap://` becomes encrypted before anything is said: `auto` demands it outside loopback; `off` sends passwords in the clear.',
    ),
  caFile: path(
    'PEM file with the authorities that may have signed the servers’ certificates; by default those that Node knows.',
  ),
  bindDn: distinguishedName('Whom Latchkey signs in as to look people up; without it, as nobody.'),
  bindPassword: z
    .string()
    .min(1)
    .exactOptional()
    .describe('The password of `accounts.ldap.bind_dn`.')
    .register(settingTraits, { secret: true }),
  baseDn: distinguishedName('Below which entry people are. Needed when the adapter is `ldap`.'),
  userFilter: ldapFilter
    .default('(objectClass=person)')
    .describe('Which entries are people (RFC 4515); the login is added to it.'),
  loginAttributes: z
    .array(ldapAttribute)
    .min(1)
    .default(['uid'])
    .describe('Attributes by any of which a person may sign in; the first that they have is their login.'),
  subAttribute: ldapAttribute
    .default('entryUUID')
    .describe(
      'The attribute that becomes `sub`: never changed, never given to another. `objectGUID` in Active Directory.',
    ),
  claims: z
    .array(claimFromAttribute)
    .default([
      'name=displayName',
      'name=cn',
      'given_name=givenName',
      'family_name=sn',
      'email=mail',
      'phone_number=telephoneNumber',
      'locale=preferredLanguage',
    ])
    .describe(
      'Which claim comes from which attribute, `claim=attribute`. The first that has a value wins; `claim[]=attribute` takes all values, `address.country=c` a part of the address.',
    ),
  emailVerified: z
    .boolean()
    .default(false)
    .describe('Whether mail addresses of the directory count as verified.'),
  disabledFilter: ldapFilter
    .exactOptional()
    .describe(
      'Which people are disabled, besides those whom Active Directory, OpenLDAP or 389 Directory Server itself has disabled.',
    ),
  groups: groups.prefault({}).describe('Groups of people.'),
  timeout: count(3000, 100, 60_000, 'How long the directory may take for one look-up, in milliseconds.'),
  connectTimeout: count(1000, 50, 60_000, 'How long a connection to one server may take, in milliseconds.'),
  connections: count(
    10,
    1,
    1000,
    'Passwords that one process has judged at once, each on its own connection.',
  ),
  pageSize: count(500, 1, 10_000, 'Groups that are asked for at once (RFC 2696).'),
});
