import { expect } from 'chai';
import fc from 'fast-check';
import { expiryOf } from '../../lib/grants/time-to-live.ts';

const NOW = 1_700_000_000;
const DAY = 86_400;

describe('the expiry of a record', () => {
  for (const [lifetime, expected] of [
    [60, 60],
    [0.4, 1],
    [59.000001, 60],
    [0, 1],
    [-1e9, 1],
    [Number.NEGATIVE_INFINITY, 1],
    [Number.POSITIVE_INFINITY, 800 * DAY],
    [Number.MAX_SAFE_INTEGER, 800 * DAY],
    [Number.MAX_VALUE, 800 * DAY],
    [Number.NaN, DAY],
    [undefined, DAY],
    [null, DAY],
    ['60', DAY],
    [{}, DAY],
  ] as const) {
    it(`is ${expected} s from now for ${typeof lifetime} ${String(lifetime)}`, () => {
      expect(expiryOf(lifetime, NOW)).to.equal(NOW + expected);
    });
  }

  it('property: is a whole second that has not come and will come', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.anything()), (lifetime) => {
        const expiry = expiryOf(lifetime, NOW);
        expect(Number.isSafeInteger(expiry)).to.equal(true);
        expect(expiry).to.be.within(NOW + 1, NOW + 800 * DAY);
      }),
      { verbose: true },
    );
  });

  it('property: is never sooner than what was asked for, up to the limit', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 800 * DAY, noNaN: true }), (lifetime) => {
        expect(expiryOf(lifetime, NOW) - NOW).to.be.at.least(lifetime);
        expect(expiryOf(lifetime, NOW) - NOW).to.be.below(lifetime + 2);
      }),
      { verbose: true },
    );
  });
});
