import { existsSync, linkSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { claimDataDirectory, type DirectoryHold, holdDataDirectory } from '../sqlite/data-directory-lock.ts';
import { syncDirectory } from './durable-files.ts';

/** How long (ms) a process that starts waits for another one that finishes an interrupted restore. */
const WAIT_MILLISECONDS = 10_000;

/** A database file with what SQLite keeps beside it: the newest transactions, and the index of these. */
const COMPANIONS = ['-wal', '-shm'];

/** Where the embedded database of a data directory is. */
export const databaseFile = (dataDir: string): string => path.join(dataDir, 'latchkey.db');

/** Whether a data directory has an embedded database. Throws where this process has no right to find out. */
export const hasDatabase = (dataDir: string): boolean =>
  statSync(databaseFile(dataDir), { throwIfNoEntry: false }) !== undefined;

/** A whole restored database under this name means that the restore is decided, and only has to take its place. */
const decidedFile = (dataDir: string): string => path.join(dataDir, 'latchkey.db.restored');

/** Whether a restore was interrupted between its decision and its end. */
function restoreIsPending(dataDir: string): boolean {
  return existsSync(decidedFile(dataDir));
}

/**
 * Puts `staged`, a whole database without companions, in the place of the directory's. Its caller has claimed the directory.
 * Before the one rename that decides it, a crash leaves the old database as it is; afterwards the next process that opens
 * the directory finishes. What is replaced stays in `aside`, a directory of its own beside it, until somebody removes it.
 */
export function replaceDatabase(dataDir: string, staged: string, aside: string): void {
  keepAside(dataDir, aside);
  renameSync(staged, decidedFile(dataDir));
  syncDirectory(dataDir);
  finishRestore(dataDir);
}

function keepAside(dataDir: string, aside: string): void {
  const file = databaseFile(dataDir);
  if (!existsSync(file)) return;
  mkdirSync(aside, { mode: 0o700 });
  // Further names of the same files: the database stays whole and in use under its own, whatever happens now.
  for (const companion of ['', ...COMPANIONS]) {
    if (existsSync(file + companion)) linkSync(file + companion, path.join(aside, `latchkey.db${companion}`));
  }
  syncDirectory(aside);
}

/**
 * Finishes a restore that was decided; may be done again after each crash. The old write-ahead log goes first: SQLite would
 * take what is in it for newer pages of the new file.
 */
function finishRestore(dataDir: string): void {
  const file = databaseFile(dataDir);
  for (const companion of COMPANIONS) rmSync(file + companion, { force: true });
  syncDirectory(dataDir);
  renameSync(decidedFile(dataDir), file);
  syncDirectory(dataDir);
}

/** Finishes a restore that a crash interrupted. Its caller has claimed the directory. */
export function finishInterruptedRestore(dataDir: string): void {
  if (restoreIsPending(dataDir)) finishRestore(dataDir);
}

/**
 * Holds the directory for use, and first finishes a restore that a crash interrupted; of several processes one does that.
 * Throws when a restore is under way all the while.
 */
export function holdFinishedDirectory(dataDir: string): DirectoryHold {
  for (;;) {
    const hold = holdDataDirectory(dataDir);
    // None is decided while anybody holds the directory.
    if (!restoreIsPending(dataDir)) return hold;
    hold.release();
    const claim = claimDataDirectory(dataDir, WAIT_MILLISECONDS);
    if (claim === undefined) throw new Error(`${dataDir} is kept by a restore that is under way`);
    try {
      finishInterruptedRestore(dataDir);
    } finally {
      claim.release();
    }
  }
}
