import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type Koa from 'koa';

/** Whose forwarded headers are believed: nobody's unless configured. */
export class TrustedProxies {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  /** `entries`: addresses, CIDR ranges or `loopback`, as checked by the configuration. */
  constructor(entries: ReadonlyArray<string>) {
    this.#isEmpty = entries.length === 0;
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
    if (this.#isEmpty) return false;
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4');
  }
}

/** An address as proxies write it, without a port or the IPv6 form of an IPv4 address; undefined when it is none. */
function plainAddress(text: string): string | undefined {
  const [, bracketed, dotted] = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(text) ?? [];
  const address = (bracketed ?? dotted ?? text).replace(/^::ffff:(?=[\d.]+$)/i, '');
  return isIP(address) === 0 ? undefined : address;
}

const PEER = Symbol('the peer’s address, in plain');

/** The address at the other end of the connection. Of a connection, not of a request: it is asked for several times in each. */
export function peerOf(request: IncomingMessage): string {
  const socket = request.socket as IncomingMessage['socket'] & { [PEER]?: string };
  const known = socket[PEER];
  if (known !== undefined) return known;
  const { remoteAddress } = socket;
  // Gone already: what it was is not to be remembered as nothing.
  if (remoteAddress === undefined) return '';
  const peer = plainAddress(remoteAddress) ?? remoteAddress;
  socket[PEER] = peer;
  return peer;
}

/** Whether the connection is a trusted proxy's, so that what it says of the request may be believed. */
export function comesFromProxy(request: IncomingMessage, proxies: TrustedProxies): boolean {
  return proxies.has(peerOf(request));
}

/**
 * The address of who sent the request: the connection's, or, when that is a trusted proxy, the nearest address in
 * `X-Forwarded-For` that is not a trusted proxy itself. Read from the right and no further than the first entry that is
 * no address: what is left of it a client may have chosen.
 */
export function clientAddress(request: IncomingMessage, proxies: TrustedProxies): string {
  let nearest = peerOf(request);
  if (!proxies.has(nearest)) return nearest;
  const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',');
  for (const entry of forwarded.reverse()) {
    const address = plainAddress(entry.trim());
    if (address === undefined) return nearest;
    nearest = address;
    if (!proxies.has(address)) return address;
  }
  return nearest;
}

/** Lets every request of `app` tell its client's address as `ctx.ip`, found out when somebody asks. */
export function tellClientAddress(app: Koa, proxies: TrustedProxies): void {
  Object.defineProperty(app.request, 'ip', {
    get(this: Koa.Request) {
      return clientAddress(this.req, proxies);
    },
  });
}

/** Whether the request reached us over TLS, by our own or a trusted proxy's word. */
export function arrivedSecurely(request: IncomingMessage, proxies: TrustedProxies): boolean {
  if ('encrypted' in request.socket && request.socket.encrypted === true) return true;
  if (!comesFromProxy(request, proxies)) return false;
  const forwarded = String(request.headers['x-forwarded-proto'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  return forwarded === 'https';
}
