import { readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { findProgram, isExecutable } from './find-program.ts';

/** What a test says when there is none. */
export const installPostgres = 'sudo apt-get install --yes postgresql';

/** Where Debian keeps each version's programs; none of them is in `PATH`. */
const VERSIONS = '/usr/lib/postgresql';

/** The folder with PostgreSQL’s `initdb` and `postgres`: that of `PATH`, else of the newest version that is installed. */
export function findPostgres(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const folders = [
    ...(environment.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...installedVersions().map((version) => join(VERSIONS, version, 'bin')),
  ];
  const initdb = findProgram(['initdb'], { PATH: folders.join(delimiter) });
  const folder = initdb === undefined ? undefined : dirname(initdb);
  return folder !== undefined && isExecutable(join(folder, 'postgres')) ? folder : undefined;
}

function installedVersions(): string[] {
  try {
    return readdirSync(VERSIONS).sort((one, other) => Number(other) - Number(one));
  } catch {
    return [];
  }
}
