import { isolatedText, type SafeHtml } from './html.ts';
import type { Messages } from './messages.ts';

/** What a `User-Agent` is told by, the most telling first: nearly all of them name several. */
const BROWSERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bEdgA?\//, 'Edge'],
  [/\b(OPR|Opera)\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(Firefox|FxiOS)\//, 'Firefox'],
  [/\b(Chrome|CriOS|HeadlessChrome)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];
const SYSTEMS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];

const first = (userAgent: string, names: typeof BROWSERS): string | undefined =>
  names.find(([pattern]) => pattern.test(userAgent))?.[1];

/** Words for what account pages tell, in one language. */
export function accountWords(locale: string, messages: Messages) {
  const formats = new Map<string, Intl.DateTimeFormat>();

  function format(milliseconds: number, zone: string | undefined, withTime: boolean): string {
    const key = `${zone ?? ''}|${withTime}`;
    let found = formats.get(key);
    if (found === undefined) {
      const parts = withTime
        ? ({
            year: 'numeric',
            month: 'short',
            day: 'numeric',
            hour: '2-digit',
            minute: '2-digit',
            timeZoneName: 'short',
          } as const)
        : ({ year: 'numeric', month: 'short', day: 'numeric' } as const);
      // The zone is a checked claim; there are some hundred of them.
      found = new Intl.DateTimeFormat(locale, { ...parts, timeZone: zone ?? 'UTC' });
      formats.set(key, found);
    }
    return found.format(milliseconds);
  }

  return {
    moment: (milliseconds: number, zone: string | undefined) => format(milliseconds, zone, true),
    day: (milliseconds: number, zone: string | undefined) => format(milliseconds, zone, false),
    /** For `<time datetime>`. */
    instant: (milliseconds: number) => new Date(milliseconds).toISOString(),
    /** What a browser says it is, as far as people have words for it. */
    device(userAgent: string | undefined): SafeHtml {
      const browser = first(userAgent ?? '', BROWSERS);
      const system = first(userAgent ?? '', SYSTEMS);
      if (browser !== undefined && system !== undefined)
        return messages.html('device-name.both', { browser, system });
      const one = browser ?? system;
      return one === undefined ? messages.html('device-name.none') : isolatedText(one);
    },
    activity: (kind: string) =>
      messages.html(messages.has(`activity.${kind}`) ? `activity.${kind}` : 'activity.other'),
    languageName,
  };
}

/** A language's name in the language itself, as it stands alone; what has none stays as it is. */
export function languageName(tag: string): string {
  const spelled = tag.replace('_', '-');
  try {
    const name = new Intl.DisplayNames(spelled, { type: 'language' }).of(spelled);
    // Where a language writes the names of languages small, one that stands alone begins with a capital all the same.
    return name?.replace(/^\p{Ll}/u, (letter) => letter.toLocaleUpperCase(spelled)) ?? tag;
  } catch (error) {
    // Language tags with extensions have no name; and what somebody typed is shown to them again, whatever it is.
    if (error instanceof RangeError) return tag;
    throw error;
  }
}
