/**
 * Smaller processors than the machine has: each process gets a share of one, by Linux's control groups. On a machine whose cores
 * the load generator needs too, this is how two processes can be compared with one while it still has what it needs.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Short (µs), so that a process waits for its next share for some milliseconds at most. */
const periodMicroseconds = 10_000;
const groups = '/sys/fs/cgroup';
const firstVersion = join(groups, 'cpu');

/** Puts each process into a group of its own that runs for `percent` of the time. Throws where that is not allowed. */
export function shareProcessor(pids: readonly number[], percent: number): { release(): Promise<void> } {
  const folders = pids.map((pid) => {
    const folder = join(existsSync(firstVersion) ? firstVersion : groups, `latchkey-bench-${pid}`);
    try {
      mkdirSync(folder);
      limit(folder, (periodMicroseconds * percent) / 100);
      writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    } catch (cause) {
      throw new Error(`share=N needs control groups of the processor (${groups}), which are root's to make`, {
        cause,
      });
    }
    return folder;
  });
  return {
    async release() {
      for (const folder of folders) await remove(folder);
    },
  };
}

function limit(folder: string, quotaMicroseconds: number): void {
  if (folder.startsWith(firstVersion)) {
    writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodMicroseconds));
    writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(quotaMicroseconds));
    return;
  }
  const enabled = join(groups, 'cgroup.subtree_control');
  if (!readFileSync(enabled, 'utf8').split(/\s/).includes('cpu')) writeFileSync(enabled, '+cpu');
  writeFileSync(join(folder, 'cpu.max'), `${quotaMicroseconds} ${periodMicroseconds}`);
}

/** A group can be removed once the last thread of its process is gone, which is a moment after its end is told. */
async function remove(folder: string): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      rmdirSync(folder);
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(20);
    }
  }
}
