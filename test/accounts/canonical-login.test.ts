import { expect } from 'chai';
import fc from 'fast-check';
import { canonicalLogin } from '../../lib/accounts/canonical-login.ts';

function canonical(input: string): string {
  const result = canonicalLogin(input);
  return result.outcome === 'canonical' ? result.login : `refused: ${result.reason}`;
}

describe('canonical login', () => {
  for (const [what, input, expected] of [
    ['mixed case', 'AnN@Example.COM', 'ann@example.com'],
    ['full width', '\uff41\uff2e\uff4e\uff20example.com', 'ann@example.com'],
    ['mathematical letters', '\u{1d41a}\u{1d427}\u{1d427}', 'ann'],
    ['the Kelvin sign', '\u212aate', 'kate'],
    ['the long s', 'ro\u017fe', 'rose'],
    ['the Angstrom sign', '\u212bsa', '\u00e5sa'],
    ['capital I, in every locale', 'IRIS', 'iris'],
    ['capital dotted I', '\u0130ris', 'iris'],
    ['i with a second dot', 'i\u0307ris', 'iris'],
    ['i with many dots', 'i\u0307\u0307\u0307ris', 'iris'],
    ['dotless i, another letter', '\u0131ris', '\u0131ris'],
    ['sharp s', 'STRA\u1e9eE', 'strasse'],
    ['final sigma', '\u039f\u0394\u039f\u03a3', '\u03bf\u03b4\u03bf\u03c3'],
    ['final sigma, small', '\u03bf\u03b4\u03bf\u03c2', '\u03bf\u03b4\u03bf\u03c3'],
    ['a ligature', 'o\ufb03ce', 'office'],
    ['combining marks', 'zoe\u0308', 'zo\u00eb'],
    ['marks in another order', 'a\u0323\u0302', '\u1ead'],
    ['white space around', ' \t\u00a0ann\u3000\r\n', 'ann'],
    ['white space inside', 'ann \u2003 arbor', 'ann arbor'],
    ['nothing', '', 'refused: empty'],
    ['white space alone', ' \u3000\n', 'refused: empty'],
    ['NUL', 'ann\0', 'refused: forbidden_character'],
    ['a line break inside', 'ann\narbor', 'refused: forbidden_character'],
    ['a zero-width space', 'a\u200bnn', 'refused: forbidden_character'],
    ['a zero-width joiner', 'a\u200dnn', 'refused: forbidden_character'],
    ['a byte order mark', '\ufeffann', 'refused: forbidden_character'],
    ['a soft hyphen', 'a\u00adnn', 'refused: forbidden_character'],
    ['a right-to-left override', '\u202enna', 'refused: forbidden_character'],
    ['an isolate', '\u2066ann\u2069', 'refused: forbidden_character'],
    ['a variation selector', 'ann\ufe0f', 'refused: forbidden_character'],
    ['a Hangul filler', 'ann\u3164', 'refused: forbidden_character'],
    ['a grapheme joiner', 'a\u034fnn', 'refused: forbidden_character'],
    ['a blank Braille pattern', '\u2800', 'refused: forbidden_character'],
    ['a tag character', 'ann\u{e0041}', 'refused: forbidden_character'],
    ['private use', '\ue000', 'refused: forbidden_character'],
    ['an unassigned code point', '\u0378', 'refused: forbidden_character'],
    ['half a surrogate pair', 'ann\ud83d', 'refused: forbidden_character'],
    ['a stray combining mark', '\u0301ann', 'refused: forbidden_character'],
    ['254 characters', 'a'.repeat(254), 'a'.repeat(254)],
    ['255 characters', 'a'.repeat(255), 'refused: too_long'],
    ['little that becomes long', '\ufdfa'.repeat(20), 'refused: too_long'],
    ['a megabyte', 'a'.repeat(1_000_000), 'refused: too_long'],
  ] as const) {
    it(`${what}`, () => {
      expect(canonical(input)).to.equal(expected);
    });
  }

  const anyText = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .array(
        fc.constantFrom(
          'i',
          'I',
          '\u0130',
          '\u0131',
          '\u0307',
          '\u0301',
          '\u0323',
          '\u0345',
          '\u03a3',
          '\u1e9e',
          '\ufdfa',
          ' ',
          '\u00b4',
          '\u1f88',
        ),
        { maxLength: 12 },
      )
      .map((letters) => letters.join('')),
  );

  it('of plain characters is what it is between white space', () => {
    const plain = fc
      .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: 1, maxLength: 300 })
      .map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(plain, (input) => {
        expect(canonicalLogin(input)).to.deep.equal(canonicalLogin(` ${input}\u3000`));
      }),
    );
  });

  it('is idempotent', () => {
    fc.assert(
      fc.property(anyText, (input) => {
        const once = canonicalLogin(input);
        if (once.outcome === 'canonical') expect(canonicalLogin(once.login)).to.deep.equal(once);
      }),
      { numRuns: 3000 },
    );
  });

  it('is one for all cases and normal forms of a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), (input) => {
        const expected = canonicalLogin(input);
        if (expected.outcome === 'refused') return;
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) {
          expect(canonicalLogin(input.normalize(form)), form).to.deep.equal(expected);
        }
        expect(canonicalLogin(input.toLowerCase()), 'lower case').to.deep.equal(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('folds every letter as it folds its capital, but for the dotless i', () => {
    for (let point = 0; point <= 0x10ffff; point += 1) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const letter = String.fromCodePoint(point);
      const folded = canonicalLogin(letter);
      if (folded.outcome === 'refused' || letter === '\u0131') continue;
      expect(canonicalLogin(letter.toUpperCase()), letter).to.deep.equal(folded);
      expect(canonicalLogin(folded.login), letter).to.deep.equal(folded);
    }
  });

  it('takes little time for hostile input', () => {
    const used = process.cpuUsage();
    for (const input of [
      ' '.repeat(1_000_000),
      'a\u0301\u0323'.repeat(340),
      '\u0130'.repeat(1024),
      'i\u0307'.repeat(500),
    ]) {
      canonicalLogin(input);
    }
    expect(process.cpuUsage(used).user, 'µs').to.be.below(500_000);
  });
});
