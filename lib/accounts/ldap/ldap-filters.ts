import { AndFilter, EqualityFilter, ExtensibleFilter, type Filter, FilterParser, OrFilter } from 'ldapts';
import { unusableSetting } from '../../../config/unusable-setting.ts';

/** Has Active Directory follow groups in groups (LDAP_MATCHING_RULE_IN_CHAIN). */
const IN_CHAIN = '1.2.840.113556.1.4.1941';

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The filter that an operator wrote (RFC 4515). Throws ConfigurationError. What people type never becomes a part of such a text: it is
 * put into filters that are made of objects, where no character means anything.
 */
export function configuredFilter(setting: 'user_filter' | 'disabled_filter' | 'groups.filter', text: string) {
  try {
    // The parser lets the last parentheses be forgotten.
    if (text.split('(').length !== text.split(')').length) throw new Error('unbalanced parentheses');
    return FilterParser.parseString(text);
  } catch {
    throw unusableSetting(`accounts.ldap.${setting}`, 'is no filter such as (objectClass=person)');
  }
}

const equals = (attribute: string, value: string | Buffer): Filter =>
  new EqualityFilter({ attribute, value });

/** Whatever meets all of these. */
export const both = (...filters: Filter[]): Filter => new AndFilter({ filters });

/** Any of these values in any of these attributes; at least one of each. */
export function anyOf(attributes: readonly string[], values: readonly string[]): Filter {
  const filters = attributes.flatMap((attribute) => values.map((value) => equals(attribute, value)));
  return filters.length === 1 ? (filters[0] as Filter) : new OrFilter({ filters });
}

/** Whoever has this `sub`; undefined when nobody can. */
export function withSub(attribute: string, sub: string): Filter | undefined {
  if (attribute.toLowerCase() !== 'objectguid') return equals(attribute, sub);
  return GUID.test(sub) ? equals(attribute, bytesOfGuid(sub)) : undefined;
}

/** Groups that have somebody as a member, by way of other groups too. */
export function memberInChain(attribute: string, dn: string): Filter {
  return new ExtensibleFilter({ matchType: attribute, rule: IN_CHAIN, value: dn });
}

/** The text of a GUID in the byte order of Active Directory: the first three groups are little-endian (MS-DTYP section 2.3.4.2). */
export function guidOf(bytes: Buffer): string | undefined {
  if (bytes.length !== 16) return undefined;
  const hex = swapped(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function bytesOfGuid(guid: string): Buffer {
  return swapped(Buffer.from(guid.replaceAll('-', ''), 'hex'));
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.concat([
    bytes.subarray(0, 4).toReversed(),
    bytes.subarray(4, 6).toReversed(),
    bytes.subarray(6, 8).toReversed(),
    bytes.subarray(8),
  ]);
}
