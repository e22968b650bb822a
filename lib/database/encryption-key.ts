import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { syncDirectory } from './backup/durable-files.ts';

/** The encryption key is gone, and what is in the database was sealed with it. Its message is one line for an operator. */
export class MissingEncryptionKey extends Error {
  override name = 'MissingEncryptionKey';

  constructor(dataDirectory: string) {
    super(
      `there is none, and the database in ${dataDirectory} holds what was sealed with one: set it, or put encryption.key back there (docs/backup.md tells what to do when it is lost)`,
    );
  }
}

/** Makes the data directory readable by its owner alone (0700), whatever the umask says. */
export function prepareDataDirectory(directory: string): void {
  makeDirectory(directory);
  chmodSync(directory, 0o700);
}

/** Not `recursive`: Node does not return from that where a parent exists and still answers ENOENT, as /proc does. */
function makeDirectory(directory: string, isRepeated = false): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(directory).isDirectory()) return;
    // The second time the parent is there, made here or by another process in between.
    if (code !== 'ENOENT' || isRepeated) throw error;
    const parent = path.dirname(directory);
    if (!existsSync(parent)) makeDirectory(parent);
    makeDirectory(directory, true);
  }
}

const keyFile = (dataDirectory: string): string => path.join(dataDirectory, 'encryption.key');

/** The same keys as `loadEncryptionKeys`, and undefined where that would make one. Throws when the file holds no 32-byte key. */
export function findEncryptionKeys(
  configured: ReadonlyArray<string>,
  dataDirectory: string,
): Buffer[] | undefined {
  if (configured.length > 0) return configured.map((key) => Buffer.from(key, 'base64'));
  try {
    return [readKey(keyFile(dataDirectory))];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}

/**
 * The keys that encrypt secrets at rest, newest first: the configured ones, else one kept in
 * `<dataDir>/encryption.key` (0600) and made at the first start. Processes that start together agree on one key:
 * the file appears complete or not at all (link(2) fails if it exists). Throws when the file holds no 32-byte key.
 */
export function loadEncryptionKeys(configured: ReadonlyArray<string>, dataDirectory: string): Buffer[] {
  const present = findEncryptionKeys(configured, dataDirectory);
  if (present !== undefined) return present;
  const file = keyFile(dataDirectory);
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  // The key must not be younger on disk than what it seals: its name survives power loss before anything is stored.
  syncDirectory(dataDirectory);
  return [readKey(file)];
}

function readKey(file: string): Buffer {
  const key = Buffer.from(readFileSync(file, 'utf8').trim(), 'base64');
  if (key.length !== 32) {
    throw new Error(
      `${file} does not hold a 32-byte key in base64: restore it from a backup, or start with an empty data directory`,
    );
  }
  return key;
}
