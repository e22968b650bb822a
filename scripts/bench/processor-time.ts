/**
 * What a server costs its machine, read from /proc: processor time and resident memory, summed over a process and
 * everything it started. Linux only. Processor time comes from each thread's `schedstat` (nanoseconds on a
 * processor, user and system together): `stat` counts in ticks of 10 ms, which is too coarse for a round of a second.
 */
import { readdirSync, readFileSync } from 'node:fs';

/** The process and all its descendants that are alive. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    if (children) {
      for (const child of children.split(' ')) {
        found.push(...processTree(Number(child)));
      }
    }
  }
  return found;
}

/**
 * Nanoseconds on a processor so far, user and system, of all threads of all the processes.
 * Throws when one of them has ended: its share would be missing from the sum.
 */
export function processorNanoseconds(pids: readonly number[]): bigint {
  let sum = 0n;
  for (const pid of pids) {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const [onProcessor] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      sum += BigInt(onProcessor ?? '0');
    }
  }
  return sum;
}

/** Resident memory of all the processes, in bytes; pages they share are counted in each. */
export function residentBytes(pids: readonly number[]): number {
  let kibibytes = 0;
  for (const pid of pids) {
    const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    if (!line) {
      throw new Error(`process ${pid} reports no resident memory: it has ended`);
    }
    kibibytes += Number(line[1]);
  }
  return kibibytes * 1024;
}
