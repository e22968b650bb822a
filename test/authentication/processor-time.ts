import { readdirSync, readFileSync } from 'node:fs';

/**
 * How long (ms) the threads of a process have run on a processor until now: what else the machine does is not in it. Undefined where
 * the system does not tell it to the nanosecond.
 */
export function processorTime(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((thread) => {
      const [running = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
      return Number(running);
    });
    return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
  } catch {
    return undefined;
  }
}
