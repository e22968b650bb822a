import type { LatchkeyProcess } from './latchkey-process.ts';

/** A line of a server's log. */
export interface LogLine {
  level: number;
  msg: string;
  pid: number;
  worker?: number;
  [field: string]: unknown;
}

/** What a server process and its workers have logged so far. */
export function logOf(latchkey: LatchkeyProcess): LogLine[] {
  const lines = latchkey.output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'));
  return lines.map((line) => JSON.parse(line) as LogLine);
}

/** The process ids of all that ever listened, in that order. */
export function listeningPids(latchkey: LatchkeyProcess): number[] {
  return logOf(latchkey)
    .filter(({ msg }) => msg === 'listening')
    .map(({ pid }) => pid);
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
