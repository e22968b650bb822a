import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';

/** Whose forwarded headers are believed: nobody's unless configured. */
export class TrustedProxies {
  readonly #list = new BlockList();

  /** `entries`: addresses, CIDR ranges or `loopback`, as checked by the configuration. */
  constructor(entries: ReadonlyArray<string>) {
    for (const entry of entries) {
      if (entry === 'loopback') {
        this.#list.addSubnet('127.0.0.0', 8, 'ipv4');
        this.#list.addAddress('::1', 'ipv6');
        continue;
      }
      const [address = '', prefix] = entry.split('/');
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(address, family);
      else this.#list.addSubnet(address, Number(prefix), family);
    }
  }

  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

/**
 * The address of who sent the request: the connection's, or, when that is a trusted proxy, the nearest address in
 * `X-Forwarded-For` that is not a trusted proxy itself (read from the right, so that a client cannot choose it).
 */
export function clientAddress(request: IncomingMessage, proxies: TrustedProxies): string {
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  if (!proxies.has(peer)) return peer;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((address) => plainAddress(address.trim()))
    .filter((address) => isIP(address) !== 0);
  return forwarded.findLast((address) => !proxies.has(address)) ?? forwarded[0] ?? peer;
}

/** Whether the request reached us over TLS, by our own or a trusted proxy's word. */
export function arrivedSecurely(request: IncomingMessage, proxies: TrustedProxies): boolean {
  if ('encrypted' in request.socket && request.socket.encrypted === true) return true;
  const peer = plainAddress(request.socket.remoteAddress ?? '');
  if (!proxies.has(peer)) return false;
  const forwarded = String(request.headers['x-forwarded-proto'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  return forwarded === 'https';
}
