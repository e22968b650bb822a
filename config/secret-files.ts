import { resolve } from 'node:path';
import type { Configuration } from './configuration.ts';
import { type LoadOptions, loadWithSources } from './load.ts';
import { settings } from './settings.ts';
import { upstreamSecretFiles } from './upstream-rules.ts';

/**
 * The files that this configuration takes secrets from: what `*_FILE` variables name, a YAML file with a secret in it, and
 * private keys. Absolute paths, each once.
 *
 * @throws {ConfigurationError} when the configuration cannot be used.
 */
export function secretFiles(options: LoadOptions = {}): string[] {
  const environment = options.environment ?? process.env;
  const directory = options.directory ?? process.cwd();
  const { configuration, sources } = loadWithSources(options);
  const files = settings
    .filter(({ traits }) => traits.secret === true)
    .flatMap((setting) => {
      const source = sources.get(setting);
      if (source?.kind === 'file') return [source.name];
      const named = setting.fileVariable === undefined ? undefined : environment[setting.fileVariable];
      return source?.kind === 'environment' && source.name === setting.fileVariable && named
        ? [resolve(directory, named)]
        : [];
    });
  const others = [...privateKeyFiles(configuration), ...upstreamSecretFiles(configuration)];
  return [...new Set([...files, ...others.map((file) => resolve(directory, file))])];
}

function privateKeyFiles({ tls, redis, database }: Configuration): string[] {
  return [tls.keyFile, redis.keyFile, database.keyFile].filter((file) => file !== undefined);
}
