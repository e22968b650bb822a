import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';

function sync(name: string, flags: string): void {
  const descriptor = openSync(name, flags);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** What was written to this file survives power loss once this returns. Never for a database that SQLite has open: closing a descriptor drops its locks. */
export function syncFile(file: string): void {
  sync(file, 'r+');
}

/** What was made, renamed or removed in this directory survives power loss once this returns. */
export function syncDirectory(directory: string): void {
  sync(directory, 'r');
}

/** SQLite’s result code for a disk without room. */
const SQLITE_FULL = 13;

/** Which file cannot be made, and why; one line for an operator. */
export type FileRefusal = {
  outcome: 'refused';
  reason: 'exists' | 'reserved' | 'not_writable';
  description: string;
};

/** What Latchkey itself keeps in its data directory. */
const OWN_FILES = /^(latchkey\.(db|lock)|encryption\.key)/;

/** The directory that this file would be in, by its own name. */
function directoryOf(file: string): string | undefined {
  try {
    return realpathSync(path.dirname(file));
  } catch {
    // It is not there, which making the file will say.
    return undefined;
  }
}

/** Whether a file of this name is the program's own: a database in use, its key, its lock. */
function isOwnFile(file: string, dataDir: string): boolean {
  const directory = directoryOf(file);
  return (
    OWN_FILES.test(path.basename(file)) &&
    directory !== undefined &&
    directory === directoryOf(path.join(dataDir, path.basename(file)))
  );
}

function isDirectory(name: string): boolean {
  try {
    return statSync(name).isDirectory();
  } catch {
    return false;
  }
}

/**
 * Makes a file of mode 0600 that appears under its name once it is whole and on the disk: `write` is handed a name beside
 * it. An existing file stays as it is unless `overwrite` is wanted, and those of the program in `dataDir` also then: a database whose file is replaced
 * below a server is lost. What `write` throws leaves nothing behind.
 */
export function makeFile<Value>(
  to: string,
  { overwrite, dataDir }: { overwrite: boolean; dataDir: string },
  write: (draft: string) => Value,
): { outcome: 'made'; value: Value } | FileRefusal {
  const exists: FileRefusal = {
    outcome: 'refused',
    reason: 'exists',
    description: `${to} exists already; --overwrite replaces it`,
  };
  if (isOwnFile(to, dataDir)) {
    const description = `${to} is a file of Latchkey itself: choose another name`;
    return { outcome: 'refused', reason: 'reserved', description };
  }
  if (isDirectory(to)) {
    return { outcome: 'refused', reason: 'not_writable', description: `${to} is a directory: name a file` };
  }
  if (!overwrite && existsSync(to)) return exists;
  const draft = `${to}.${process.pid}.${randomBytes(4).toString('hex')}.partial`;
  try {
    closeSync(openSync(draft, 'wx', 0o600));
  } catch (error) {
    const description = `${to} cannot be written (${(error as NodeJS.ErrnoException).code})`;
    return { outcome: 'refused', reason: 'not_writable', description };
  }
  try {
    const value = write(draft);
    syncFile(draft);
    if (overwrite) renameSync(draft, to);
    else linkSync(draft, to);
    syncDirectory(path.dirname(to));
    return { outcome: 'made', value };
  } catch (error) {
    const { code, errcode, message } = error as NodeJS.ErrnoException & { errcode?: number };
    if (code === 'EEXIST') return exists;
    const isFull = code === 'ENOSPC' || errcode === SQLITE_FULL;
    // A file system without hard links, a path that is too long for SQLite: what was thrown names what was to be written.
    if (!isFull && !String(message).includes(draft)) throw error;
    const why = isFull ? ': no room is left on its disk' : ` (${message.replaceAll(draft, () => to)})`;
    return { outcome: 'refused', reason: 'not_writable', description: `${to} cannot be written${why}` };
  } finally {
    rmSync(draft, { force: true });
  }
}
