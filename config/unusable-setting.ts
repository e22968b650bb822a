import { ConfigurationError } from './configuration-error.ts';
import { nameOf } from './given-value.ts';
import { settings } from './settings.ts';

/**
 * The error for a setting whose value is right in itself, and that the machine refuses: a port that is taken, a folder
 * that cannot be written. `key` is the setting's name in YAML; throws RangeError when there is none of that name.
 */
export function unusableSetting(key: string, problem: string): ConfigurationError {
  const setting = settings.find((candidate) => candidate.key === key);
  if (setting === undefined) throw new RangeError(`there is no setting ${key}`);
  return new ConfigurationError([`${nameOf(setting)}: ${problem}`]);
}
