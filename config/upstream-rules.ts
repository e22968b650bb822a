import { readFileSync } from 'node:fs';
import type { Configuration } from './configuration.ts';
import { nameOfKey } from './given-value.ts';

/** The files that hold a provider's secret or private key. */
export function upstreamSecretFiles({ upstream: { providers } }: Configuration): string[] {
  return Object.values(providers).flatMap(({ client_secret_file: secret, private_key_file: key }) =>
    [secret, key].filter((file) => file !== undefined),
  );
}

/** What is wrong with the files that providers name. */
export function upstreamProblems(configuration: Configuration): string[] {
  return upstreamSecretFiles(configuration).flatMap((file) => {
    const name = nameOfKey('upstream.providers');
    try {
      return readFileSync(file, 'utf8').trim() === '' ? [`${name}: ${file} is empty`] : [];
    } catch (error) {
      return [`${name}: cannot read ${file} (${(error as NodeJS.ErrnoException).code})`];
    }
  });
}
