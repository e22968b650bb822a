import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Given, type GivenValue, nameOf } from './given-value.ts';
import { suggestion } from './nearest-name.ts';
import { type Setting, settings } from './settings.ts';

/** The environment as a record, so that tests need not change the process's own. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable that names the YAML file. */
export const configFileVariable = 'LATCHKEY_CONFIG';

const knownVariables = [
  configFileVariable,
  ...settings.flatMap((setting) => [setting.variable, setting.fileVariable ?? []].flat()),
];

/**
 * Reads what `LATCHKEY_*` variables set, and the files that `*_FILE` variables name, relative to `directory`. An empty
 * variable is refused: a deployment whose secret did not arrive must not fall back to a default in silence.
 */
export function readEnvironment(environment: Environment, directory: string): Given {
  const values: GivenValue[] = [];
  const problems: string[] = [];
  for (const name of Object.keys(environment).filter((candidate) => candidate.startsWith('LATCHKEY_'))) {
    if (!knownVariables.includes(name)) {
      problems.push(`${name}: is not a known variable${suggestion(name, knownVariables)}`);
    } else if (environment[name]?.trim() === '') {
      problems.push(`${name}: is set but empty; unset it to use the default`);
    }
  }
  for (const setting of settings) {
    const { fileVariable } = setting;
    const text = environment[setting.variable];
    const file = fileVariable === undefined ? undefined : environment[fileVariable];
    if (text && file) {
      problems.push(`${nameOf(setting)}: is set by both ${setting.variable} and ${fileVariable}; keep one`);
    } else if (file && fileVariable !== undefined) {
      readSecret(setting, fileVariable, resolve(directory, file), values, problems);
    } else if (text?.trim()) {
      values.push(fromText(setting, text, setting.variable));
    }
  }
  return { values, problems };
}

function readSecret(
  setting: Setting,
  variable: string,
  file: string,
  values: GivenValue[],
  problems: string[],
): void {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    problems.push(`${variable}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`);
    return;
  }
  if (text === '') problems.push(`${variable}: ${file} is empty`);
  else values.push(fromText(setting, text, variable));
}

function fromText(setting: Setting, text: string, variable: string): GivenValue {
  return {
    setting,
    value: parseText(setting.kind, text.trim()),
    source: { kind: 'environment', name: variable },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Text that does not fit its kind stays text, and the schema refuses it with the key's name. */
function parseText(kind: Setting['kind'], text: string): unknown {
  if (kind === 'mapping') return parseJson(text);
  if (kind === 'list') return text.split(/[\s,]+/).filter((item) => item !== '');
  if (kind === 'true or false') return text === 'true' ? true : text === 'false' ? false : text;
  if (kind !== 'text' && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text;
}
