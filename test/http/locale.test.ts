import { expect } from 'chai';
import fc from 'fast-check';
import { chooseLocale, directionOf } from '../../lib/http/pages/locale.ts';

const available = ['en', 'de', 'pt-BR', 'zh-Hant'];

describe('choice of the language', () => {
  const cases: [uiLocales: string | undefined, acceptLanguage: string | undefined, chosen: string][] = [
    [undefined, undefined, 'en'],
    ['', '', 'en'],
    ['de', undefined, 'de'],
    ['fr de en', undefined, 'de'],
    ['fr', 'de', 'de'],
    ['en', 'de', 'en'],
    ['DE-at', undefined, 'de'],
    ['pt-br-x-old', undefined, 'pt-BR'],
    ['zh-hant-TW', undefined, 'zh-Hant'],
    ['pt', undefined, 'pt-BR'],
    ['pt-PT', undefined, 'pt-BR'],
    ['zh-TW', undefined, 'zh-Hant'],
    ['zh-CN', undefined, 'en'],
    ['zh', undefined, 'en'],
    ['sv', undefined, 'en'],
    [undefined, 'fr, de;q=0.8, en;q=0.9', 'en'],
    [undefined, 'de-CH , en;q=0.9', 'de'],
    [undefined, 'en;q=0.2,de;q=0.7', 'de'],
    [undefined, 'de;q=0, en;q=0.1', 'en'],
    [undefined, '*', 'en'],
    [undefined, 'fr, *;q=0.5, de;q=0.1', 'en'],
    [undefined, 'de;q=nonsense, en', 'en'],
    [undefined, 'de;level=1;Q=1', 'de'],
  ];
  for (const [uiLocales, acceptLanguage, chosen] of cases) {
    it(`${JSON.stringify(uiLocales)} and ${JSON.stringify(acceptLanguage)} give ${chosen}`, () => {
      expect(chooseLocale(uiLocales, acceptLanguage, available)).to.equal(chosen);
    });
  }

  for (const tag of ['zh', 'zh-CN', 'zh-Hans', 'zh-hans-SG', 'ZH-cn', 'zh-SG', 'cmn']) {
    it(`${tag} is Chinese in simplified characters`, () => {
      expect(chooseLocale(tag, undefined, ['en', 'zh-Hans', 'ja'])).to.equal('zh-Hans');
    });
  }

  it('people who read traditional characters get simplified ones only where their browser names Chinese at large', () => {
    const there = ['en', 'zh-Hans'];
    expect(chooseLocale(undefined, 'zh-TW', there)).to.equal('en');
    expect(chooseLocale(undefined, 'zh-TW,zh;q=0.9,en;q=0.8', there)).to.equal('zh-Hans');
  });

  it('always gives an available language and never throws', () => {
    const header = fc.option(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'de-;q=0.1,* ') })), {
      nil: undefined,
    });
    fc.assert(
      fc.property(header, header, (uiLocales, acceptLanguage) => {
        expect(available).to.include(chooseLocale(uiLocales, acceptLanguage, available));
      }),
    );
  });

  it('follows the weights of Accept-Language whatever their order', () => {
    const weighted = fc.uniqueArray(fc.integer({ min: 1, max: 1000 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(weighted, fc.shuffledSubarray(available, { minLength: 1 }), (weights, languages) => {
        const ranges = languages.map((language, index) => ({
          language,
          weight: (weights[index] as number) / 1000,
        }));
        const best = ranges.reduce((one, other) => (other.weight > one.weight ? other : one));
        const text = ranges.map(({ language, weight }) => `${language};q=${weight}`).join(', ');
        expect(chooseLocale(undefined, text, available)).to.equal(best.language);
      }),
    );
  });

  it('spends little on an endless header', () => {
    const used = process.cpuUsage();
    chooseLocale('a-'.repeat(500_000), 'x,'.repeat(500_000), available);
    expect(process.cpuUsage(used).user, 'µs').to.be.below(100_000);
  });
});

describe('direction of a language', () => {
  it('is right to left for Arabic, Hebrew, Persian and Urdu, and left to right otherwise', () => {
    expect(['ar', 'he', 'fa', 'ur', 'az-Arab'].map(directionOf)).to.deep.equal(Array(5).fill('rtl'));
    expect(['en', 'de', 'az', 'zh-Hant'].map(directionOf)).to.deep.equal(Array(4).fill('ltr'));
  });
});
