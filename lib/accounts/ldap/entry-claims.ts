import { validateClaims } from '../claims.ts';
import { type EntryAttributes, textsOf } from './entry-attributes.ts';

/** One line of `accounts.ldap.claims`, taken apart. */
export interface ClaimSource {
  readonly claim: string;
  readonly attribute: string;
  /** The member of `address` that it is. */
  readonly part?: string;
  /** Whether all values are taken, in a list. */
  readonly isList: boolean;
}

/** Takes one line apart: `claim=attribute`, `claim[]=attribute` for all values, `address.part=attribute` for one member. */
export function claimSource(line: string): ClaimSource {
  const [target = '', attribute = ''] = line.split('=');
  const [, part] = /^address\.(.+)$/.exec(target) ?? [];
  if (part !== undefined) return { claim: 'address', part, attribute, isList: false };
  return { claim: target.replace(/\[\]$/, ''), attribute, isList: target.endsWith('[]') };
}

/** RFC 4517 section 3.3.3: how a directory writes true and false. */
const TRUTH: Readonly<Record<string, boolean>> = { TRUE: true, FALSE: false };
const BOOLEAN_CLAIMS = ['email_verified', 'phone_number_verified'];

/**
 * A person's claims. What is not a value for its claim (docs/account-adapter.md) is left out and told to `onUnfit`, since a
 * directory has odd values somewhere, and nobody should be shut out by their telephone number.
 */
export function claimsOf(
  attributes: EntryAttributes,
  sources: readonly ClaimSource[],
  given: Readonly<Record<string, unknown>>,
  onUnfit: (description: string) => void,
): Record<string, unknown> {
  const found = new Map<string, unknown>();
  for (const { claim, attribute, part, isList } of sources) {
    const values = textsOf(attributes, attribute);
    const [value] = values;
    if (value === undefined) continue;
    if (part !== undefined) {
      const address = found.get(claim) as Record<string, string> | undefined;
      found.set(claim, { [part]: value, ...address });
    } else if (!found.has(claim)) {
      found.set(claim, isList ? values : BOOLEAN_CLAIMS.includes(claim) ? TRUTH[value] : value);
    }
  }
  const claims: Record<string, unknown> = {};
  for (const [claim, value] of [...found, ...Object.entries(given)]) {
    const validation = validateClaims({ [claim]: value });
    if (validation.outcome === 'valid') Object.assign(claims, validation.claims);
    else onUnfit(validation.description);
  }
  if (!Object.hasOwn(claims, 'email')) delete claims.email_verified;
  return claims;
}

/** The time of the last change, in Unix seconds: a generalized time (RFC 4517 section 3.3.13) in UTC. */
export function updatedAt(attributes: EntryAttributes): number | undefined {
  const [text = ''] = textsOf(attributes, 'modifyTimestamp');
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:[.,]\d+)?Z$/.exec(text) ?? [];
  if (year === undefined) return undefined;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time / 1000;
}
