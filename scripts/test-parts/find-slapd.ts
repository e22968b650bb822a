import { delimiter } from 'node:path';
import { findProgram } from './find-program.ts';

/** What a test says when there is none. */
export const installSlapd = 'sudo apt-get install --yes --no-install-recommends slapd';

/** Where Debian keeps it, outside the `PATH` of people. */
const FOLDERS = ['/usr/sbin', '/usr/libexec', '/usr/lib/openldap'];

/** The `slapd` of OpenLDAP that the tests start for themselves. */
export function findSlapd(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  return findProgram(['slapd'], { PATH: [environment.PATH ?? '', ...FOLDERS].join(delimiter) });
}
