import { BlockList, isIP } from 'node:net';
import type { Configuration } from './configuration.ts';
import { isLoopbackHost } from './loopback.ts';

/** What lies on this machine is reached by programs that trust it: no registration may make a public provider call there. */
export function outboundProblems({ issuer, outbound: { privateNetworks } }: Configuration): string[] {
  if (isLoopbackHost(new URL(issuer).hostname)) return [];
  return privateNetworks.filter(reachesLoopback).map((entry) => {
    return `outbound.private_networks (LATCHKEY_OUTBOUND_PRIVATE_NETWORKS): ${JSON.stringify(entry)} is this machine, which only an issuer on loopback may allow`;
  });
}

function reachesLoopback(entry: string): boolean {
  const [address = '', prefix] = entry.split('/');
  if (entry === 'loopback' || isLoopbackHost(address)) return true;
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const range = new BlockList();
  range.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family);
  // An unspecified address leads to this machine too.
  return (
    ['127.0.0.1', '0.0.0.0'].some((each) => range.check(each, 'ipv4')) ||
    ['::1', '::', '::ffff:127.0.0.1', '::ffff:0.0.0.0'].some((each) => range.check(each, 'ipv6'))
  );
}

/** A token that nobody is shown is one that somebody relies on in vain. */
export function cibaProblems({ features }: Configuration): string[] {
  const { deviceUrl, deviceToken } = features.ciba;
  return deviceToken !== undefined && deviceUrl === undefined
    ? [
        'features.ciba.device_token (LATCHKEY_FEATURES_CIBA_DEVICE_TOKEN): is set, but features.ciba.device_url is not',
      ]
    : [];
}

/** Who cannot read a signed request has no use for the address of one. */
export function requestUriProblems({ features }: Configuration): string[] {
  return features.requestUris && features.requestObjects === 'off'
    ? ['features.request_uris (LATCHKEY_FEATURES_REQUEST_URIS): is on, but features.request_objects is off']
    : [];
}
