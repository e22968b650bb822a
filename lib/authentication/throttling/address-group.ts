import { isIPv4, isIPv6 } from 'node:net';

/** Where an attempt comes from, at the two widths that throttling counts by. */
export interface AddressGroup {
  /** What one subscriber has: an IPv4 address, an IPv6 /64. */
  readonly subscriber: string;
  /** What can be had by the thousand for little: an IPv4 /24, an IPv6 /48. */
  readonly network: string;
}

/** The eight 16-bit groups of an IPv6 address that `isIPv6` accepts, zone removed. */
function groupsOf(address: string): number[] {
  // The URL parser turns an embedded IPv4 part into hexadecimal and drops leading zeros.
  const host = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1);
  const [left = '', right] = host.split('::');
  const parse = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((hex) => parseInt(hex, 16));
  const head = parse(left);
  if (right === undefined) return head;
  const tail = parse(right);
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
}

function ofIPv4(address: string): AddressGroup {
  return { subscriber: address, network: `${address.split('.').slice(0, 3).join('.')}.0/24` };
}

/**
 * The groups of an address as the socket or a trusted proxy gives it. IPv4 inside IPv6 (::ffff:192.0.2.1) counts as IPv4.
 * What is no address at all is one group of its own.
 */
export function addressGroup(address: string): AddressGroup {
  if (isIPv4(address)) return ofIPv4(address);
  if (!isIPv6(address)) return { subscriber: 'unknown', network: 'unknown' };
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    const [high = 0, low = 0] = groups.slice(6);
    return ofIPv4([high >> 8, high & 255, low >> 8, low & 255].join('.'));
  }
  const hex = groups.map((group) => group.toString(16));
  return {
    subscriber: `${hex.slice(0, 4).join(':')}::/64`,
    network: `${hex.slice(0, 3).join(':')}::/48`,
  };
}
