import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { databaseFile } from './backup/staged-restore.ts';
import { freeBytes, MEBIBYTE } from './free-room.ts';

/** Bytes: what a database of a few megabytes keeps beside its file. */
const LEAST_ROOM = MEBIBYTE;

/** What is missing where the system denies something in a data directory. */
export const DENIED_ADVICE = 'run this as the user that the directory and all its files belong to';

const isDenial = ({ code }: NodeJS.ErrnoException): boolean => code === 'EACCES' || code === 'EPERM';

/** What this process may not do in a data directory, in the system's words. SQLite does not say which file it could not open, nor why. */
function denial(dataDir: string): string | undefined {
  const { R_OK, W_OK, X_OK } = constants;
  for (const [file, mode] of [
    [dataDir, R_OK | W_OK | X_OK],
    [path.join(dataDir, 'latchkey.lock'), R_OK | W_OK],
    [databaseFile(dataDir), R_OK | W_OK],
  ] as const) {
    try {
      accessSync(file, mode);
    } catch (error) {
      if (isDenial(error as NodeJS.ErrnoException)) return (error as Error).message;
    }
  }
  return undefined;
}

/** SQLite needs some room even to read, and calls it an input/output error when there is none. */
function hasRoom(directory: string): boolean {
  try {
    return freeBytes(directory) >= LEAST_ROOM;
  } catch {
    return true;
  }
}

/** What the system or SQLite said when a data directory was to be opened, as one line that names it, and whether a right is missing; undefined for any other error. */
export function directoryProblem(
  error: unknown,
  dataDir: string,
): { line: string; isDenied: boolean } | undefined {
  const { code = '', message = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const advice = `; ${DENIED_ADVICE}`;
  if (code === 'ERR_SQLITE_ERROR') {
    const denied = denial(dataDir);
    const why = denied === undefined ? message : `${message}: ${denied}`;
    const rest = denied !== undefined ? advice : hasRoom(dataDir) ? '' : '; no room is left on its disk';
    return {
      line: `the database in ${dataDir} cannot be used (${why})${rest}`,
      isDenied: denied !== undefined,
    };
  }
  if (!/^E[A-Z]+$/.test(code)) return undefined;
  const isDenied = isDenial({ code } as NodeJS.ErrnoException);
  return { line: `${dataDir} cannot be used (${message})${isDenied ? advice : ''}`, isDenied };
}
