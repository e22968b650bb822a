import { resolve } from 'node:path';
import { combinationProblems } from './combination-rules.ts';
import { type Configuration, configurationSchema } from './configuration.ts';
import { ConfigurationError } from './configuration-error.ts';
import { configFileVariable, type Environment, readEnvironment } from './environment.ts';
import { type GivenValue, nameOf, type ValueSource } from './given-value.ts';
import { issueMessage } from './issue-message.ts';
import { type Setting, settings } from './settings.ts';
import { readYamlFile } from './yaml-file.ts';

export interface LoadOptions {
  /** Where `LATCHKEY_*` variables are looked up; the process's own environment by default. */
  readonly environment?: Environment;
  /** What relative paths are relative to; the working directory by default. */
  readonly directory?: string;
}

/** A configuration together with where each setting's value came from. */
export interface LoadedConfiguration {
  readonly configuration: Configuration;
  readonly sources: ReadonlyMap<Setting, ValueSource>;
}

/**
 * Reads the configuration from the YAML file that `LATCHKEY_CONFIG` names (`config/latchkey.yaml` if present) and from
 * `LATCHKEY_*` variables, which win.
 *
 * @throws {ConfigurationError} with every problem found, one line each.
 */
export function loadConfiguration(options: LoadOptions = {}): Configuration {
  return loadWithSources(options).configuration;
}

/**
 * Like `loadConfiguration`, and remembers the source of each value.
 *
 * @throws {ConfigurationError} with every problem found, one line each.
 */
export function loadWithSources(options: LoadOptions = {}): LoadedConfiguration {
  const environment = options.environment ?? process.env;
  const directory = options.directory ?? process.cwd();
  const named = environment[configFileVariable]?.trim() || undefined;
  const fromFile = readYamlFile(
    resolve(directory, named ?? 'config/latchkey.yaml'),
    named === undefined ? undefined : configFileVariable,
  );
  const fromEnvironment = readEnvironment(environment, directory);
  const problems = [...fromFile.problems, ...fromEnvironment.problems];

  const given = new Map<Setting, GivenValue>();
  for (const value of [...fromFile.values, ...fromEnvironment.values]) given.set(value.setting, value);

  const result = configurationSchema.safeParse(nest(given, directory));
  if (!result.success) {
    for (const issue of result.error.issues) {
      const setting = settings.find((candidate) => candidate.path.every((step, i) => step === issue.path[i]));
      // Only settings were put in, each under a known path; an issue elsewhere is a fault of this room.
      if (setting === undefined) throw result.error;
      problems.push(`${nameOf(setting)}: ${issueMessage(setting, issue, given.get(setting)?.value)}`);
    }
    throw new ConfigurationError(problems);
  }
  const configuration = { ...result.data, dataDir: resolve(directory, result.data.dataDir) };
  problems.push(...combinationProblems(configuration));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    configuration,
    sources: new Map(settings.map((setting) => [setting, given.get(setting)?.source ?? { kind: 'default' }])),
  };
}

function nest(given: ReadonlyMap<Setting, GivenValue>, directory: string): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const { setting, value } of given.values()) {
    let node = root;
    for (const step of setting.path.slice(0, -1)) {
      node[step] ??= {};
      node = node[step] as Record<string, unknown>;
    }
    const isPath = setting.traits.path && typeof value === 'string' && value !== '';
    node[setting.path[setting.path.length - 1] as string] = isPath ? resolve(directory, value) : value;
  }
  return root;
}
