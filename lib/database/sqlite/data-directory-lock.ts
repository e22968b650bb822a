import { closeSync, existsSync, openSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isBusy } from './sqlite-dialect.ts';

/** How long (ms) a process that starts waits for a restore to end. */
const WAIT_MILLISECONDS = 10_000;

/** A data directory that this process keeps for itself, or shares, until it releases it or ends, however it ends. */
export interface DirectoryHold {
  release(): void;
}

/**
 * The lock is one on `latchkey.lock`, which holds nothing. SQLite's own locks are what Node offers of advisory locks: the
 * kernel drops them with the process, so nothing is left behind by `kill -9` that somebody would have to judge.
 */
function lock(dataDir: string, statement: string, timeout: number): DirectoryHold | undefined {
  const file = path.join(dataDir, 'latchkey.lock');
  if (!existsSync(file)) closeSync(openSync(file, 'a', 0o600));
  const connection = new DatabaseSync(file, { timeout });
  try {
    connection.exec(statement);
  } catch (error) {
    connection.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return { release: () => connection.close() };
}

/**
 * Says that this process uses the database of the directory; any number may. Waits for a restore that is under way.
 * Throws when that does not end in time.
 */
export function holdDataDirectory(dataDir: string): DirectoryHold {
  // A transaction that has read keeps its shared lock until it ends.
  const hold = lock(dataDir, 'BEGIN; SELECT count(*) FROM sqlite_schema', WAIT_MILLISECONDS);
  if (hold === undefined) throw new Error(`${dataDir} is kept by a restore that is under way`);
  return hold;
}

/** Keeps the directory for this process alone: as long as it does, none opens it. Undefined while any other has it open. */
export function claimDataDirectory(dataDir: string, wait = 0): DirectoryHold | undefined {
  return lock(dataDir, 'BEGIN EXCLUSIVE', wait);
}
