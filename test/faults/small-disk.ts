import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive } from '../flows/server-log.ts';
import { forget, guard } from '../redis/process-guardian.ts';

const CHUNK = Buffer.alloc(64 * 1024);

/**
 * A disk that can be filled: a tmpfs of its own where this process may mount one (as root), else a folder, and the limit of the
 * size of files (RLIMIT_FSIZE) of the processes that write there: they then get EFBIG where they would get ENOSPC, or end by SIGXFSZ.
 */
export class SmallDisk {
  readonly folder: string;
  readonly isMounted: boolean;
  #limited: number[] = [];

  private constructor(folder: string, isMounted: boolean) {
    this.folder = folder;
    this.isMounted = isMounted;
  }

  static make(megabytes: number): SmallDisk {
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-disk-'));
    const options = ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'latchkey-test', folder];
    const isMounted = spawnSync('mount', options).status === 0;
    // Were these tests killed, a mounted one would stay, but empty.
    guard(folder);
    return new SmallDisk(folder, isMounted);
  }

  /** How it is filled, for the title of a test. */
  get how(): string {
    return this.isMounted ? 'ENOSPC on a tmpfs' : 'EFBIG, since no tmpfs can be mounted here';
  }

  /** Leaves no room. `pids` are those who write there. */
  fill(pids: number[]): void {
    if (!this.isMounted) {
      // No more than the largest of the files has.
      this.#limited = pids;
      this.#limit(String(largestIn(this.folder)));
      return;
    }
    const ballast = openSync(path.join(this.folder, 'ballast'), 'a', 0o600);
    try {
      for (let size = CHUNK.length; size >= 512; size /= 2) fillBy(ballast, size);
    } finally {
      closeSync(ballast);
    }
  }

  /** Makes room again. */
  free(): void {
    if (this.isMounted) rmSync(path.join(this.folder, 'ballast'));
    else this.#limit('unlimited');
  }

  /** Removes it with all that is on it; nobody may have a file of it open. */
  remove(): void {
    if (this.isMounted) spawnSync('umount', [this.folder]);
    rmSync(this.folder, { recursive: true, force: true });
    forget(this.folder);
  }

  #limit(bytes: string): void {
    // Who does not handle SIGXFSZ has ended by it, as Redis does.
    for (const pid of this.#limited.filter(isAlive)) {
      const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], {
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`prlimit: ${stderr}`);
    }
  }
}

function fillBy(file: number, size: number): void {
  try {
    for (;;) if (writeSync(file, CHUNK, 0, size) < size) return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function largestIn(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return Math.max(0, ...names.map((name) => statSync(path.join(folder, name)).size));
}
