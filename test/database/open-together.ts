import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { DatabaseOptions } from '../../lib/database/database.ts';
import type { Opening } from './database-process.ts';

const PROCESS = path.join(import.meta.dirname, 'database-process.ts');

/** Opens one database in `count` processes at the same moment; answers how that went for each, when they have ended. */
export async function openTogether(count: number, options: DatabaseOptions): Promise<Opening[]> {
  const children: ChildProcess[] = [];
  try {
    for (let index = 0; index < count; index += 1) {
      const execArgv = ['--disable-warning=ExperimentalWarning'];
      children.push(fork(PROCESS, [JSON.stringify(options)], { execArgv }));
    }
    await Promise.all(children.map((child) => once(child, 'message')));
    const answers = Promise.all(children.map(async (child) => (await once(child, 'message'))[0] as Opening));
    for (const child of children) child.send('open');
    return await answers;
  } finally {
    await Promise.all(
      children.map(async (child) => {
        child.disconnect();
        await once(child, 'exit');
      }),
    );
  }
}
