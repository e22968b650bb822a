import { expect } from 'chai';
import fc from 'fast-check';
import { addressGroup } from '../../lib/authentication/throttling/address-group.ts';

const sixteenBits = fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 1, 0xffff));
const ipv6 = fc
  .array(sixteenBits, { minLength: 8, maxLength: 8 })
  // What begins like this is IPv4 inside IPv6 and judged as such below.
  .filter((groups) => !(groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff));
const ipv4 = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });

const hex = (groups: number[], digits = 1): string =>
  groups.map((group) => group.toString(16).padStart(digits, '0')).join(':');

/** The spellings that RFC 4291 §2.2 gives one address, and a zone. */
function spellings(groups: number[]): string[] {
  const [high = 0, low = 0] = groups.slice(6);
  const dotted = [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const all = [
    hex(groups),
    hex(groups, 4),
    hex(groups).toUpperCase(),
    `${hex(groups.slice(0, 6))}:${dotted}`,
  ];
  for (let start = 0; start < 8; start += 1) {
    for (let end = start + 1; end <= 8 && groups[end - 1] === 0; end += 1) {
      all.push(`${hex(groups.slice(0, start))}::${hex(groups.slice(end))}`);
    }
  }
  return [...all, ...all.map((spelling) => `${spelling}%eth0`)];
}

describe('address groups', () => {
  for (const [what, address, subscriber, network] of [
    ['IPv4', '192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
    ['IPv6', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64', '2001:db8:1::/48'],
    ['IPv6 with a gap', '2001:db8::1', '2001:db8:0:0::/64', '2001:db8:0::/48'],
    ['loopback', '::1', '0:0:0:0::/64', '0:0:0::/48'],
    ['a zone', 'fe80::1%eth0', 'fe80:0:0:0::/64', 'fe80:0:0::/48'],
    ['IPv4 inside IPv6', '::ffff:192.0.2.7', '192.0.2.7', '192.0.2.0/24'],
    ['the same in hexadecimal', '::FFFF:C000:0207', '192.0.2.7', '192.0.2.0/24'],
    ['no address', 'proxy.example', 'unknown', 'unknown'],
    ['nothing', '', 'unknown', 'unknown'],
    ['an address with a port', '192.0.2.7:80', 'unknown', 'unknown'],
  ] as const) {
    it(`of ${what}`, () => {
      expect(addressGroup(address)).to.deep.equal({ subscriber, network });
    });
  }

  it('property: are the same for every spelling of an IPv6 address', () => {
    fc.assert(
      fc.property(ipv6, (groups) => {
        const expected = addressGroup(hex(groups));
        expect(expected.subscriber).to.equal(`${hex(groups.slice(0, 4))}::/64`);
        for (const spelling of spellings(groups))
          expect(addressGroup(spelling), spelling).to.deep.equal(expected);
      }),
      { numRuns: 500 },
    );
  });

  it('property: put two IPv6 addresses together when, and only when, the first 64 and 48 bits agree', () => {
    fc.assert(
      fc.property(ipv6, ipv6, fc.integer({ min: 0, max: 8 }), (one, other, common) => {
        const two = [...one.slice(0, common), ...other.slice(common)];
        const agree = (bits: number): boolean =>
          hex(one.slice(0, bits / 16)) === hex(two.slice(0, bits / 16));
        const [first, second] = [addressGroup(hex(one)), addressGroup(hex(two))];
        // Two halves may be an IPv4 address though neither whole is one.
        fc.pre(second.subscriber.includes(':'));
        expect(first.subscriber === second.subscriber, 'subscriber').to.equal(agree(64));
        expect(first.network === second.network, 'network').to.equal(agree(48));
      }),
      { numRuns: 1000 },
    );
  });

  it('property: are those of the IPv4 address inside, and of its first 24 bits', () => {
    fc.assert(
      fc.property(ipv4, fc.integer({ min: 0, max: 255 }), (bytes, last) => {
        const address = bytes.join('.');
        const neighbour = [...bytes.slice(0, 3), last].join('.');
        expect(addressGroup(`::ffff:${address}`)).to.deep.equal(addressGroup(address));
        expect(addressGroup(neighbour).network).to.equal(addressGroup(address).network);
        expect(addressGroup(neighbour).subscriber === address).to.equal(neighbour === address);
      }),
      { numRuns: 500 },
    );
  });

  it('property: exist for whatever a header may hold', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc
        .array(fc.constantFrom('1', 'f', ':', '::', '.', '%', '/', '[', ']', '255', '0x1', '@'), {
          maxLength: 12,
        })
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (address) => {
        const { subscriber, network } = addressGroup(address);
        expect([subscriber, network]).to.not.include('');
        expect(subscriber + network).to.not.match(/NaN|undefined/);
      }),
      { numRuns: 5000 },
    );
  });
});
