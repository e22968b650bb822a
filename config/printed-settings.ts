import { type LoadOptions, loadWithSources } from './load.ts';
import { type Setting, settings } from './settings.ts';

/** One setting as an operator may see it. */
export interface PrintedSetting {
  readonly key: string;
  readonly variable: string;
  /** The value in use; `null` when there is none, and the word `redacted` in place of a secret. */
  readonly value: unknown;
  readonly source: 'default' | 'file' | 'environment';
  /** The file or variable that gave the value. */
  readonly from?: string;
}

/**
 * Every setting with the value in use and its origin, secrets redacted: what `latchkey config print` shows.
 *
 * @throws {ConfigurationError} when the configuration cannot be used.
 */
export function printedSettings(options: LoadOptions = {}): PrintedSetting[] {
  const { configuration, sources } = loadWithSources(options);
  return settings.map((setting) => {
    const source = sources.get(setting) ?? { kind: 'default' };
    return {
      key: setting.key,
      variable: setting.variable,
      value: redacted(setting, valueAt(configuration, setting.path)),
      source: source.kind,
      ...(source.kind === 'default' ? {} : { from: source.name }),
    };
  });
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce((node, step) => (node as Record<string, unknown> | undefined)?.[step], root);
}

function redacted(setting: Setting, value: unknown): unknown {
  if (value === undefined) return null;
  if (!setting.traits.secret) return value;
  if (setting.traits.shown !== undefined) return setting.traits.shown(value);
  // How many keys there are is worth knowing during a rotation, and gives nothing away.
  return Array.isArray(value) ? value.map(() => 'redacted') : 'redacted';
}

/** Longer values move their own origin alone. */
const VALUE_COLUMNS = 48;

/** The settings as aligned lines for a terminal: key, value, origin. */
export function printedSettingsText(printed: readonly PrintedSetting[]): string {
  const rows = printed.map((entry) => [entry.key, textOf(entry.value), entry.from ?? entry.source] as const);
  const width = (column: 0 | 1, most: number) =>
    Math.max(...rows.map((row) => row[column].length).filter((length) => length <= most));
  const [keyWidth, valueWidth] = [width(0, Infinity), width(1, VALUE_COLUMNS)];
  return rows
    .map(([key, value, origin]) => `${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  ${origin}\n`)
    .join('');
}

function textOf(value: unknown): string {
  if (value === null) return '-';
  if (Array.isArray(value)) return value.length === 0 ? '[]' : value.join(', ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
