import type { Setting } from './settings.ts';

/** Where a value came from. `name` is the variable or the file that gave it. */
export type ValueSource =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'environment'; readonly name: string };

/** A value that an operator gave for a setting, before it was judged. */
export interface GivenValue {
  readonly setting: Setting;
  readonly value: unknown;
  readonly source: ValueSource;
}

/** What one source gave, and what was wrong with it, one line each. */
export interface Given {
  readonly values: readonly GivenValue[];
  readonly problems: readonly string[];
}

/** Both names of a setting, as every message about it begins. */
export function nameOf(setting: Setting): string {
  return nameOfKey(setting.key);
}

/** The same by its name in YAML, such as `log.level`. */
export function nameOfKey(key: string): string {
  return `${key} (LATCHKEY_${key.replaceAll('.', '_').toUpperCase()})`;
}
