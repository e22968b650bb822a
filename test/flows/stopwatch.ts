import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from './latchkey-process.ts';

/**
 * How long (ms) something takes, without the time in which this process, or another that does it, was ready to run and others had the
 * processors: how busy the machine is, is not what is measured. Where the system does not tell (Linux does), it is the time that passes.
 */
export class Stopwatch {
  readonly #begun = performance.now();
  /** How long each process that does it had waited before. */
  readonly #before: Map<number, number>;

  /** `pids` are of the processes that do it besides this one. */
  constructor(...pids: number[]) {
    this.#before = new Map([process.pid, ...pids].map((pid) => [pid, waited(pid)]));
  }

  /** Reads it; `begun` are processes that do it as well, and were started meanwhile. All must live yet. */
  read(...begun: number[]): number {
    let time = performance.now() - this.#begun;
    for (const pid of begun) time -= waited(pid);
    for (const [pid, before] of this.#before) time -= waited(pid) - before;
    return time;
  }
}

/** Waits until `condition` holds, which it must within so much time (ms) as a stopwatch of these processes tells. */
export async function within(
  milliseconds: number,
  name: string,
  condition: () => boolean | Promise<boolean>,
  ...pids: number[]
): Promise<void> {
  const stopwatch = new Stopwatch(...pids);
  await eventually(name, condition);
  expect(stopwatch.read(), `ms: ${name}`).to.be.below(milliseconds);
}

/** How long (ms) the main thread of a process has waited for a processor in all its life (proc(5), schedstat). */
function waited(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
