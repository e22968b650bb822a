/** Scripts that are written together (Unicode UTS 39 §5.2, highly restrictive); any other name keeps to one. */
const WRITTEN_TOGETHER = [
  ['Latin', 'Han', 'Hiragana', 'Katakana'],
  ['Latin', 'Han', 'Bopomofo'],
  ['Latin', 'Han', 'Hangul'],
] as const;

/** The scripts that have letters like those of another; what is in none of them is `Other`. */
const SCRIPTS = [
  ...new Set(WRITTEN_TOGETHER.flat()),
  'Arabic',
  'Armenian',
  'Bengali',
  'Cherokee',
  'Coptic',
  'Cyrillic',
  'Devanagari',
  'Ethiopic',
  'Georgian',
  'Greek',
  'Hebrew',
  'Khmer',
  'Lao',
  'Lisu',
  'Tamil',
  'Thai',
].map((script) => [script, new RegExp(`\\p{Script=${script}}`, 'u')] as const);

/** Letters of other alphabets that are drawn like Latin ones, and what they are taken for. */
const LOOKALIKES: Readonly<Record<string, string>> = Object.fromEntries(
  [
    // Cyrillic
    ...[
      'аa',
      'еe',
      'оo',
      'рp',
      'сc',
      'уy',
      'хx',
      'іi',
      'јj',
      'ѕs',
      'ԁd',
      'һh',
      'ӏl',
      'ԛq',
      'ԝw',
      'вb',
      'нh',
      'кk',
      'мm',
      'тt',
      'гr',
      'пn',
      'ѵv',
      'ь6',
    ],
    // Greek
    ...['αa', 'βb', 'εe', 'ηn', 'ιi', 'κk', 'νv', 'οo', 'ρp', 'τt', 'υu', 'χx', 'ζz', 'ωw', 'γy', 'σo', 'μu'],
    // Armenian and Cherokee, in small letters
    ...['օo', 'սu', 'հh', 'ոn', 'ցg', 'զq', 'ꭺa', 'ꭼe', 'ꮓz', 'ꮤw', 'ꮲp', 'ꮪs', 'ꮮl', 'ꭲt'],
  ].map((pair) => [pair.charAt(0), pair.slice(1)]),
);

const INVISIBLE = /[\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/u;

function latinised(text: string): { latin: string; changed: boolean; letters: number } {
  const letters = [...text.toLowerCase()].filter((letter) => /\p{L}/u.test(letter));
  const latin = letters.map((letter) => LOOKALIKES[letter] ?? letter).join('');
  return { latin, changed: letters.some((letter) => letter in LOOKALIKES), letters: letters.length };
}

const plain = (text: string): string => latinised(text).latin;

/** The same without accents, and with one letter for those that are drawn alike: too coarse for any name but the provider's own. */
function drawn(text: string): string {
  const bare = text.normalize('NFD').replace(/\p{M}/gu, '').replace(/[1|]/g, 'l').replace(/0/g, 'o');
  return plain(bare).replace(/[iıł]/g, 'l').replace(/rn/g, 'm').replace(/vv/g, 'w');
}

/**
 * Why a name that its bearer chose may be read for another one, or undefined when it reads as it is written: characters that
 * nobody sees, letters of scripts that are not written together, words of another alphabet all of whose letters are drawn like
 * Latin ones (UTS 39 §4), letters that are variants of plain ones (UAX 15), the name of the provider itself.
 */
export function misleadingName(name: string, providerName: string): string | undefined {
  if (INVISIBLE.test(name)) return 'must not contain characters that nobody sees';
  if (name.normalize('NFKC') !== name.normalize('NFC')) {
    return 'must not contain variants of plain letters, such as full-width or mathematical ones';
  }
  if (/\p{M}{3}/u.test(name.normalize('NFD'))) return 'must not pile up accents';
  const scripts = SCRIPTS.filter(([, pattern]) => pattern.test(name)).map(([script]) => script);
  const together = WRITTEN_TOGETHER.some((some) =>
    scripts.every((script) => (some as readonly string[]).includes(script)),
  );
  if (scripts.length > 1 && !together) {
    return `must not mix letters of scripts that are not written together (${scripts.join(', ')})`;
  }
  for (const word of name.split(/[^\p{L}\p{M}\p{N}]+/u)) {
    const { latin, changed, letters } = latinised(word);
    if (changed && letters > 1 && /^[a-z\d]+$/.test(latin)) {
      return 'must not consist of letters that look like those of another alphabet';
    }
  }
  const likenesses = [plain, drawn].map((likeness) => [likeness(name), likeness(providerName)]);
  return likenesses.some(([own, provider]) => own === provider && own !== '')
    ? 'must not be the name of this provider'
    : undefined;
}
