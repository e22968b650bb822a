import { expect } from 'chai';
import { misleadingName } from '../../lib/clients/misleading-name.ts';

describe('names that applications give themselves', () => {
  for (const name of [
    'Notes',
    'Café Müller 2',
    'Заметки',
    'Мой календарь',
    'Σημειώσεις',
    'メモ帳 App',
    '한글 Notes',
    '便箋',
    'दैनंदिनी',
    'ملاحظات',
    'A & B: the “best”',
    'я',
  ]) {
    it(`${name} reads as it is written`, () => {
      expect(misleadingName(name, 'Latchkey')).to.equal(undefined);
    });
  }

  for (const [name, why] of [
    ['Gооgle', /mix/],
    ['Pay\u0440al', /mix/],
    ['арре', /look like/],
    ['our ссс', /mix/],
    ['Ηοt', /mix/],
    ['ＡＢＣ', /variants/],
    ['𝐍𝐨𝐭𝐞𝐬', /variants/],
    ['No\u200btes', /nobody sees/],
    ['No\u00adtes', /nobody sees/],
    ['\u202eseton', /nobody sees/],
    ['a\u0300\u0301\u0302\u0303', /accents/],
    ['Latchkey', /this provider/],
    ['LATCH-KEY', /this provider/],
    ['Iatchkey', /this provider/],
    ['1atchkey', /this provider/],
    ['Lätchkey', /this provider/],
    ['łatchkey', /this provider/],
    ['ｌatchkey', /variants/],
  ] as const) {
    it(`${JSON.stringify(name)} does not`, () => {
      expect(misleadingName(name, 'Latchkey')).to.match(why);
    });
  }
});
