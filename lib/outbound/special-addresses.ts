import { BlockList, isIP } from 'node:net';

/**
 * Networks that are not the public Internet: the special-purpose registries of IANA (RFC 6890), multicast, the prefixes that
 * carry an IPv4 address inside an IPv6 one, and those from which no address is allocated at all (outside 2000::/3).
 */
const SPECIAL_NETWORKS = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '100:0:0:1::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '2620:4f:8000::/48',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  '1000::/4',
  '4000::/2',
  '8000::/1',
] as const;

const LOOPBACK = ['127.0.0.0/8', '::1'] as const;

function networks(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries.flatMap((each) => (each === 'loopback' ? LOOPBACK : each))) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

const contains = (list: BlockList, address: string): boolean =>
  // An IPv4 address in IPv6 form (::ffff:127.0.0.1) is judged as what it is.
  list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');

const special = networks(SPECIAL_NETWORKS);
const loopback = networks(LOOPBACK);

/** Whether an address (no name) is this machine's alone. */
export function isLoopbackAddress(address: string): boolean {
  return contains(loopback, address);
}

/**
 * Judges addresses (no names): whether one may be called. Those of the public Internet may, and those of `allowed`, which are
 * addresses, CIDR ranges or `loopback`, as checked by the configuration.
 */
export function reachableAddresses(allowed: readonly string[]): (address: string) => boolean {
  const exceptions = networks(allowed);
  return (address) => isIP(address) !== 0 && (!contains(special, address) || contains(exceptions, address));
}
