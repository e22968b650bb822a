import { readFileSync } from 'node:fs';
import { eventually, type LatchkeyProcess } from './latchkey-process.ts';

/** A line of a server's log. */
export interface LogLine {
  level: number;
  msg: string;
  pid: number;
  worker?: number;
  [field: string]: unknown;
}

/** What was read of each process's output: it is long in the end, and asked for over and over by whoever waits. */
const read = new WeakMap<LatchkeyProcess, { characters: number; lines: LogLine[] }>();

/** What a server process and its workers have logged so far. */
export function logOf(latchkey: LatchkeyProcess): LogLine[] {
  const log = read.get(latchkey) ?? { characters: 0, lines: [] };
  read.set(latchkey, log);
  const fresh = latchkey.output.slice(log.characters);
  const end = fresh.lastIndexOf('\n') + 1;
  for (const line of fresh.slice(0, end).split('\n'))
    if (line.startsWith('{') && line.endsWith('}')) log.lines.push(JSON.parse(line) as LogLine);
  log.characters += end;
  return [...log.lines];
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

/** Stops a process where it is, until it gets SIGCONT, and waits until it stands still. */
export async function pause(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually('it stands still', () =>
    / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, '')),
  );
}
