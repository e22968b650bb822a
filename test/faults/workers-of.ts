import { eventually, type LatchkeyProcess } from '../flows/latchkey-process.ts';
import { isAlive, listeningPids } from '../flows/server-log.ts';

/** How many workers an installation has. */
export const WORKERS = 4;

/** Process ids of the workers that listen. */
export function workersOf(latchkey: LatchkeyProcess): number[] {
  return [...new Set(listeningPids(latchkey))].filter(isAlive);
}

/** Waits until there are as many as there should be. */
export function allListen(latchkey: LatchkeyProcess): Promise<void> {
  return eventually('all workers listen', () => workersOf(latchkey).length === WORKERS, 60_000);
}

/** Kills one worker after another with SIGKILL, while others are left, and waits until all are replaced. */
export async function killWorkers(latchkey: LatchkeyProcess, count: number): Promise<void> {
  for (let kill = 0; kill < count; kill += 1) {
    await eventually('two others are left', () => workersOf(latchkey).length > 2, 60_000);
    const victim = workersOf(latchkey)[kill % 3] as number;
    process.kill(victim, 'SIGKILL');
    await eventually('it is gone', () => !isAlive(victim));
  }
  await allListen(latchkey);
}
