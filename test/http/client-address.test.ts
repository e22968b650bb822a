import type { IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { clientAddress, TrustedProxies } from '../../lib/http/transport/client-address.ts';

const request = (remoteAddress: string, forwarded?: string): IncomingMessage =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

describe('the address of a client', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', 'loopback', '2001:db8::/32', '192.0.2.7']);
  const address = (peer: string, forwarded?: string) => clientAddress(request(peer, forwarded), proxies);

  it('is that of the connection, unless a trusted proxy says otherwise', () => {
    expect(address('203.0.113.9')).to.equal('203.0.113.9');
    expect(address('203.0.113.9', '198.51.100.1')).to.equal('203.0.113.9');
    expect(address('::ffff:203.0.113.9', '198.51.100.1')).to.equal('203.0.113.9');
    expect(address('10.1.2.3')).to.equal('10.1.2.3');
  });

  it('is the nearest that no trusted proxy has, read from the right', () => {
    expect(address('10.1.2.3', '198.51.100.1')).to.equal('198.51.100.1');
    expect(address('::ffff:10.1.2.3', '198.51.100.1')).to.equal('198.51.100.1');
    expect(address('::1', '6.6.6.6, 198.51.100.1, 192.0.2.7')).to.equal('198.51.100.1');
    expect(address('2001:db8::5', '6.6.6.6,2001:db9::1')).to.equal('2001:db9::1');
    expect(address('127.0.0.1', '10.0.0.1, 10.0.0.2')).to.equal('10.0.0.1');
  });

  it('understands a port and the mapped form', () => {
    expect(address('10.1.2.3', '198.51.100.1:4711')).to.equal('198.51.100.1');
    expect(address('10.1.2.3', '[2001:db9::1]:4711')).to.equal('2001:db9::1');
    expect(address('10.1.2.3', '::FFFF:198.51.100.1')).to.equal('198.51.100.1');
  });

  it('is never one that stands left of something that is no address: a client may have put it there', () => {
    for (const forwarded of [
      '6.6.6.6, unknown',
      '6.6.6.6, ',
      '6.6.6.6,_hidden',
      '6.6.6.6, 999.1.1.1',
      '6.6.6.6, <script>',
    ]) {
      expect(address('10.1.2.3', forwarded), forwarded).to.equal('10.1.2.3');
    }
    expect(address('10.1.2.3', '6.6.6.6, unknown, 192.0.2.7')).to.equal('192.0.2.7');
  });
});
