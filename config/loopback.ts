import { isIPv4 } from 'node:net';

/**
 * Tells whether a host name or address, with or without the brackets of an IPv6 literal in a URL, can only mean this
 * machine: `localhost`, 127.0.0.0/8 or `::1`.
 */
export function isLoopbackHost(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}
