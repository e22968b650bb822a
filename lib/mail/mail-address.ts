import { domainToASCII } from 'node:url';

/** RFC 5321 section 4.5.3.1: octets of a local part, of a domain, of a path. */
const LONGEST_LOCAL_PART = 64;
const LONGEST_ADDRESS = 254;

/** A dot-atom of RFC 5322 section 3.2.3. Quoted local parts, comments and groups are refused: no mailbox needs them. */
const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]*[a-z][a-z0-9-]*$/;

/**
 * The address that a person typed, as one mailbox to send to: white space around is dropped, the domain is in its ASCII
 * form (RFC 5891) and lower case; the case of the rest is the mailbox's own business. `undefined` for anything else, in particular for what could be read as several
 * addresses, or as another header.
 */
export function mailAddress(typed: string): string | undefined {
  if (typed.length > 4 * LONGEST_ADDRESS) return undefined;
  const address = typed.trim().normalize('NFKC');
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(0, at));
  if (local.length > LONGEST_LOCAL_PART || !LOCAL_PART.test(local)) return undefined;
  const domain = domainToASCII(address.slice(at + 1)).toLowerCase();
  if (!DOMAIN.test(domain)) return undefined;
  const whole = `${local}@${domain}`;
  return whole.length > LONGEST_ADDRESS ? undefined : whole;
}

/** The domain of an address that `mailAddress` answered. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}
