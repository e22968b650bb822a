/** Preferences read from one request; the rest is ignored. Both inputs come from outside. */
const MAXIMUM_PREFERENCES = 20;
const MAXIMUM_LENGTH = 500;

const RIGHT_TO_LEFT_SCRIPTS = new Set([
  'Adlm',
  'Arab',
  'Hebr',
  'Mand',
  'Nkoo',
  'Rohg',
  'Samr',
  'Syrc',
  'Thaa',
]);

/**
 * Chooses the language of a page: `ui_locales` (OpenID Connect Core section 3.1.2.1, space-separated) first, then
 * `Accept-Language` (RFC 9110 section 12.5.4), each by lookup (RFC 4647 section 3.4) and then by what its tag likely means, else the first of `available`.
 * Never throws, whatever the request says, and returns one of `available` as it is spelled there.
 */
export function chooseLocale(
  uiLocales: string | undefined,
  acceptLanguage: string | undefined,
  available: readonly string[],
): string {
  for (const range of [...rangesOfUiLocales(uiLocales), ...rangesOfAcceptLanguage(acceptLanguage)]) {
    const found = range === '*' ? available[0] : findLocale(range, available);
    if (found !== undefined) return found;
  }
  const [fallback] = available;
  if (fallback === undefined) throw new TypeError('no language is available');
  return fallback;
}

/** The direction in which a language is written, for `<html dir>`. */
export function directionOf(locale: string): 'ltr' | 'rtl' {
  return RIGHT_TO_LEFT_SCRIPTS.has(new Intl.Locale(locale).maximize().script ?? '') ? 'rtl' : 'ltr';
}

function rangesOfUiLocales(uiLocales: string | undefined): string[] {
  return (uiLocales ?? '').slice(0, MAXIMUM_LENGTH).split(/\s+/, MAXIMUM_PREFERENCES).filter(Boolean);
}

function rangesOfAcceptLanguage(header: string | undefined): string[] {
  return (header ?? '')
    .slice(0, MAXIMUM_LENGTH)
    .split(',', MAXIMUM_PREFERENCES)
    .map((part) => {
      const [range = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      const weight = parameters.find((parameter) => /^q=/i.test(parameter));
      return { range, quality: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ range, quality }) => range !== '' && quality > 0 && quality <= 1)
    .sort((one, other) => other.quality - one.quality)
    .map(({ range }) => range);
}

/**
 * Drops subtags from the end until something fits; a single-character subtag goes with the one after it. What is then still
 * not found is looked for by language and script with their likely values (CLDR), so that zh and zh-CN find zh-Hans, and
 * zh-TW does not.
 */
export function findLocale(range: string, available: readonly string[]): string | undefined {
  const subtags = range.toLowerCase().split('-');
  while (subtags.length > 0) {
    const tag = subtags.join('-');
    const found = available.find((locale) => locale.toLowerCase() === tag);
    if (found !== undefined) return found;
    subtags.pop();
    if (subtags.at(-1)?.length === 1) subtags.pop();
  }
  const wanted = languageAndScript(range);
  return wanted === undefined ? undefined : available.find((locale) => languageAndScript(locale) === wanted);
}

/** Undefined for what is no language tag. */
function languageAndScript(tag: string): string | undefined {
  // Longer than any tag that names language, script and region with a few variants.
  if (tag.length > 40) return undefined;
  try {
    const { language, script } = new Intl.Locale(tag).maximize();
    return `${language}-${script}`;
  } catch {
    return undefined;
  }
}
