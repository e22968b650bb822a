import { readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isExecutable } from './find-program.ts';

/** What a test says when there is none. */
export const installPostgres = 'sudo apt-get install --yes postgresql';

/** Where Debian keeps each version's programs; none of them is in `PATH`. */
const VERSIONS = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres'];

/** The folder with PostgreSQL’s `initdb` and `postgres`: that of `PATH`, else of the newest version that is installed. */
export function findPostgres(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const folders = [
    ...(environment.PATH ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...installedVersions().map((version) => join(VERSIONS, version, 'bin')),
  ];
  return folders.find((folder) => PROGRAMS.every((program) => isExecutable(join(folder, program))));
}

function installedVersions(): string[] {
  try {
    return readdirSync(VERSIONS).sort((one, other) => Number(other) - Number(one));
  } catch {
    return [];
  }
}
