import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { escapeHtml, isolatedText, SafeHtml } from './html.ts';

/** A language's texts by key. `{name}` is a placeholder; `key.one`, `key.other` and so on are plural forms. */
export type Catalogue = Readonly<Record<string, string>>;

/** What a placeholder may be given: text is escaped and isolated, markup must have been made safe before. */
export type MessageValues = Readonly<Record<string, string | number | SafeHtml>>;

/** A language's texts, ready to print. */
export interface Messages {
  /** The message as markup. @throws {TypeError} for an unknown key or a placeholder without a value. */
  html(key: string, values?: MessageValues): SafeHtml;
  /** The message as plain text, for mails. @throws {TypeError} as `html`. */
  plain(key: string, values?: Readonly<Record<string, string>>): string;
  /** A message without placeholders as plain text, for attributes and titles. */
  text(key: string): string;
  /** The message in the plural form that `count` needs; `{count}` is given. */
  plural(key: string, count: number): SafeHtml;
  has(key: string): boolean;
}

/** The language that is complete by definition: others fall back to it, and it comes first among the available ones. */
export const SOURCE_LOCALE = 'en';

const PLACEHOLDER = /\{([a-z]+)\}/gi;
const PLURAL_FORM = /\.(zero|one|two|few|many|other)$/;

/** The placeholders of a message, sorted, each once. */
export function placeholdersOf(message: string): string[] {
  return [...new Set(Array.from(message.matchAll(PLACEHOLDER), ([, name]) => name as string))].sort();
}

/**
 * Reads `messages/<language>.json` from `viewsFolder`, and lays those of `overrideFolder` over them key by key. A language that only
 * the override has falls back to English for what it lacks.
 * @returns the catalogues by language, English first
 * @throws {Error} naming the file, when one is no flat JSON object of strings, is not named by a language tag, or, as an
 *   override, has a key or placeholder that no page uses
 */
export function loadCatalogues(viewsFolder: string, overrideFolder?: string): Map<string, Catalogue> {
  const shipped = readFolder(join(viewsFolder, 'messages'));
  const source = shipped.get(SOURCE_LOCALE)?.catalogue;
  if (source === undefined)
    throw new Error(`${join(viewsFolder, 'messages')}: ${SOURCE_LOCALE}.json is missing`);
  const catalogues = new Map<string, Catalogue>([[SOURCE_LOCALE, source]]);
  const overrides: typeof shipped =
    overrideFolder === undefined ? new Map() : readFolder(join(overrideFolder, 'messages'));
  // Shipped ones are compared by a test: here it would cost each start a tenth of the time that it has.
  for (const { file, catalogue } of overrides.values()) compareWithSource(file, catalogue, source);
  for (const [locale, { catalogue }] of [...shipped, ...overrides]) {
    catalogues.set(locale, { ...source, ...catalogues.get(locale), ...catalogue });
  }
  return catalogues;
}

/**
 * The languages that people are offered, the default first.
 * @param there those that have texts
 * @throws {Error} naming the setting, for a language that has none
 */
export function offeredLocales(
  there: readonly string[],
  languages: { default: string; offered: readonly string[] } = { default: SOURCE_LOCALE, offered: [] },
): string[] {
  const offered = languages.offered.length === 0 ? there : languages.offered;
  for (const [setting, locales] of [
    ['languages.default', [languages.default]],
    ['languages.offered', offered],
  ] as const) {
    const unknown = locales.find((locale) => !there.includes(locale));
    if (unknown !== undefined)
      throw new Error(`${setting}: there are no texts in ${unknown}; there are ${there.join(', ')}`);
  }
  return [...new Set([languages.default, ...offered])];
}

/** Makes a language's texts printable. */
export function createMessages(locale: string, catalogue: Catalogue): Messages {
  const plurals = new Intl.PluralRules(locale);
  const find = (key: string): string => {
    const message = Object.hasOwn(catalogue, key) ? catalogue[key] : undefined;
    if (message === undefined) throw new TypeError(`there is no message ${key}`);
    return message;
  };
  const html = (key: string, values: MessageValues = {}): SafeHtml =>
    new SafeHtml(
      // Braces are no HTML entities, so that placeholders survive the escaping of the message around them.
      escapeHtml(find(key)).replace(PLACEHOLDER, (_whole, name: string) => {
        const value = Object.hasOwn(values, name) ? values[name] : undefined;
        if (value === undefined) throw new TypeError(`message ${key} got no value for {${name}}`);
        if (value instanceof SafeHtml) return value.html;
        return typeof value === 'number' ? value.toLocaleString(locale) : isolatedText(value).html;
      }),
    );
  const has = (key: string): boolean => Object.hasOwn(catalogue, key);
  return {
    html,
    has,
    text: find,
    plain: (key, values = {}) =>
      find(key).replace(PLACEHOLDER, (_whole, name: string) => {
        const value = Object.hasOwn(values, name) ? values[name] : undefined;
        if (value === undefined) throw new TypeError(`message ${key} got no value for {${name}}`);
        return value;
      }),
    plural(key, count) {
      const form = `${key}.${plurals.select(count)}`;
      return html(has(form) ? form : `${key}.other`, { count });
    },
  };
}

function readFolder(folder: string): Map<string, { file: string; catalogue: Catalogue }> {
  const read = new Map<string, { file: string; catalogue: Catalogue }>();
  if (!existsSync(folder)) return read;
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.json')) continue;
    const file = join(folder, name);
    read.set(localeOf(file, name.slice(0, -'.json'.length)), { file, catalogue: readCatalogue(file) });
  }
  return read;
}

function localeOf(file: string, name: string): string {
  try {
    return new Intl.Locale(name).toString();
  } catch {
    throw new Error(`${file}: a catalogue is named by its language, as in de.json or pt-BR.json`);
  }
}

function readCatalogue(file: string): Catalogue {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new Error(`${file}: must be an object of messages by key`);
  }
  for (const [key, message] of Object.entries(parsed)) {
    if (typeof message !== 'string') throw new Error(`${file}: ${key} must be a string`);
  }
  return parsed as Catalogue;
}

function compareWithSource(file: string, catalogue: Catalogue, source: Catalogue): void {
  for (const [key, message] of Object.entries(catalogue)) {
    const original = source[key] ?? source[key.replace(PLURAL_FORM, '.other')];
    if (original === undefined) throw new Error(`${file}: no page uses ${key}`);
    const known = placeholdersOf(original);
    const stray = placeholdersOf(message).find((name) => !known.includes(name));
    if (stray !== undefined) throw new Error(`${file}: ${key} has no placeholder {${stray}}`);
  }
}
