import path from 'node:path';
import type { DatabaseOptions } from '../../lib/database/database.ts';
import { raceProcesses } from '../processes/race-processes.ts';
import type { Opening } from './database-process.ts';

const PROCESS = path.join(import.meta.dirname, 'database-process.ts');

/** Opens one database in `count` processes at the same moment; answers how that went for each, when they have ended. */
export function openTogether(count: number, options: DatabaseOptions): Promise<Opening[]> {
  return raceProcesses<Opening>(PROCESS, { count, words: [JSON.stringify(options)], order: 'open' });
}
