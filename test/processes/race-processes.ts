import { type ChildProcess, fork, type Serializable } from 'node:child_process';
import { once } from 'node:events';

/** What a process says next; rejects when it ends instead. */
async function hear(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the process ended with ${code}`);
  });
  const said = once(child, 'message').then(([message]: unknown[]) => message);
  return Promise.race([said, ended]);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  if (child.connected) child.disconnect();
  await ended;
}

/**
 * Has `count` processes of a program do something at the same moment: each says when it is ready, hears `order`, says what came of it and ends when it is
 * let go. Answers what they said; they have ended then.
 */
export async function raceProcesses<Report>(
  program: string,
  { count, words, order }: { count: number; words: string[]; order: Serializable },
): Promise<Report[]> {
  const execArgv = ['--disable-warning=ExperimentalWarning'];
  const children = Array.from({ length: count }, () => fork(program, words, { execArgv }));
  try {
    await Promise.all(children.map(hear));
    const reports = Promise.all(children.map(hear));
    for (const child of children) child.send(order);
    return (await reports) as Report[];
  } finally {
    await Promise.all(children.map(end));
  }
}
