import { existsSync } from 'node:fs';
import { findProgram } from './find-program.ts';

/** What a test says when there is none. */
export const installSoftToken = 'sudo apt-get install --yes softhsm2 opensc';

const MODULES = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm.so',
  '/usr/lib64/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** SoftHSM, a token in software, and the program that speaks to tokens. */
export interface SoftToken {
  module: string;
  tool: string;
}

/** Both parts, or undefined when one is missing. */
export function findSoftToken(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): SoftToken | undefined {
  const tool = findProgram(['pkcs11-tool'], environment);
  const module = MODULES.find((file) => existsSync(file));
  return tool === undefined || module === undefined ? undefined : { module, tool };
}
