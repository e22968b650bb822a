import { accessSync, constants } from 'node:fs';
import type { Configuration } from './configuration.ts';
import { externalKeyNames } from './external-key-settings.ts';
import { nameOfKey } from './given-value.ts';

/** What a token can sign with by mechanisms that every one of them has (PKCS#11 2.40). */
const TOKEN_ALGORITHMS = /^(RS|PS|ES)(256|384|512)$/;
const HEXADECIMAL = /^([0-9a-fA-F]{2}){1,64}$/;

const nameOf = (key: string): string => nameOfKey(`keys.external.${key}`);

/** What is wrong with external keys and with who is to sign with them. */
export function externalKeyProblems({ keys: { algorithms, external } }: Configuration): string[] {
  const { keys, program, pkcs11, environment } = external;
  const problems: string[] = [];
  const hasProgram = program.length > 0;
  const hasToken = pkcs11.module !== undefined;
  const names = externalKeyNames(external);
  if (names.size < keys.length) problems.push(`${nameOf('keys')}: names two keys for one algorithm`);
  if (new Set(names.values()).size < names.size) {
    problems.push(`${nameOf('keys')}: names one key for two algorithms; each needs its own`);
  }
  for (const [algorithm, name] of names) {
    if (!(algorithms as readonly string[]).includes(algorithm)) {
      problems.push(`${nameOf('keys')}: ${algorithm} is not in keys.algorithms`);
    } else if (hasToken && !TOKEN_ALGORITHMS.test(algorithm)) {
      problems.push(`${nameOf('keys')}: ${algorithm} is none that keys.external.pkcs11 can sign with`);
    } else if (hasToken && !HEXADECIMAL.test(name)) {
      problems.push(`${nameOf('keys')}: ${algorithm} needs the CKA_ID of its key in hexadecimal`);
    }
  }
  if (hasProgram && hasToken)
    problems.push(`${nameOf('program')}: is set, and so is keys.external.pkcs11.module; keep one`);
  if (keys.length > 0 && !hasProgram && !hasToken) {
    problems.push(
      `${nameOf('keys')}: nobody signs with them; set keys.external.program or keys.external.pkcs11.module`,
    );
  }
  if (!hasProgram && !hasToken && environment.length > 0) {
    problems.push(`${nameOf('environment')}: is set, but there is nobody to give it to`);
  }
  return [...problems, ...tokenProblems(pkcs11)];
}

function tokenProblems({ module, token, pin }: Configuration['keys']['external']['pkcs11']): string[] {
  const given = { token, pin };
  const keys = ['token', 'pin'] as const;
  if (module === undefined) {
    return keys
      .filter((key) => given[key] !== undefined)
      .map((key) => `${nameOf(`pkcs11.${key}`)}: is set, but keys.external.pkcs11.module is not`);
  }
  const missing = keys
    .filter((key) => given[key] === undefined)
    .map((key) => `${nameOf(`pkcs11.${key}`)}: is missing; keys.external.pkcs11.module is set`);
  try {
    accessSync(module, constants.R_OK);
    return missing;
  } catch (error) {
    return [
      ...missing,
      `${nameOf('pkcs11.module')}: cannot read ${module} (${(error as NodeJS.ErrnoException).code})`,
    ];
  }
}
