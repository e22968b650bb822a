import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { SealError, Sealer } from '../../lib/database/sealer.ts';

describe('a sealed value', () => {
  const [older, newer] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)] as [Buffer, Buffer];

  it('property: opens in its context alone, unchanged alone, and shows nothing of itself', () => {
    const sealer = new Sealer([newer]);
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), fc.nat(), (text, context, other, position) => {
        const sealed = sealer.seal(text, context);
        expect(sealer.open(sealed, context).toString('utf8')).to.equal(Buffer.from(text).toString('utf8'));
        if (Buffer.from(other).compare(Buffer.from(context)) !== 0) {
          expect(() => sealer.open(sealed, other)).to.throw(SealError);
        }
        const changed = Buffer.from(sealed);
        changed[position % changed.length] = (changed[position % changed.length] as number) ^ 1;
        expect(() => sealer.open(changed, context)).to.throw(SealError);
        expect(() => sealer.open(sealed.subarray(0, position % sealed.length), context)).to.throw(SealError);
        if (text.length > 7) expect(sealed.includes(text)).to.equal(false);
      }),
      { verbose: true },
    );
  });

  it('is another each time, also of the same, and from each process start', () => {
    const seals = [new Sealer([newer]), new Sealer([newer])].flatMap((sealer) =>
      Array.from({ length: 500 }, () => sealer.seal('same', 'context')),
    );
    // Version, key id, salt and counter: what makes key and nonce. Never the same twice.
    expect(new Set(seals.map((sealed) => sealed.subarray(0, 33).toString('hex'))).size).to.equal(1000);
    expect(new Set(seals.map((sealed) => sealed.subarray(33).toString('hex'))).size).to.equal(1000);
  });

  it('opens with an older key, is then not current, and does not open without it', () => {
    const sealed = new Sealer([older]).seal('text', 'context');
    const both = new Sealer([newer, older]);
    expect(both.open(sealed, 'context').toString()).to.equal('text');
    expect(both.isCurrent(sealed)).to.equal(false);
    expect(both.isCurrent(both.seal('text', 'context'))).to.equal(true);
    expect(() => new Sealer([newer]).open(sealed, 'context')).to.throw(SealError, 'not configured');
  });

  it('opens however many processes wrote', () => {
    const values = Array.from({ length: 1100 }, (_, index) =>
      new Sealer([newer]).seal(String(index), 'context'),
    );
    const sealer = new Sealer([newer]);
    for (const [index, sealed] of [...values.entries(), ...values.entries()]) {
      expect(sealer.open(sealed, 'context').toString()).to.equal(String(index));
    }
  });

  it('needs keys of 32 bytes', () => {
    for (const keys of [[], [randomBytes(31)], [newer, randomBytes(33)]]) {
      expect(() => new Sealer(keys)).to.throw(RangeError);
    }
  });

  it('has keys derived for a purpose that differ by purpose and by master key', () => {
    const sealer = new Sealer([newer, older]);
    const keys = [...sealer.deriveAll('one'), ...sealer.deriveAll('two')].map((key) => key.toString('hex'));
    expect(new Set(keys).size).to.equal(4);
    expect(sealer.derive('one').toString('hex')).to.equal(keys[0]);
    expect(new Sealer([older]).derive('one').toString('hex')).to.equal(keys[1]);
  });
});
