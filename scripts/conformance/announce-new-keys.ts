import { setTimeout as sleep } from 'node:timers/promises';
import type { Latchkey } from './latchkey.ts';
import { run } from './registration.ts';

/**
 * Rotates the signing keys, and resolves when the published key set has one that it had not when this was called: the module
 * about rotation compares. Other modules go on meanwhile, so no key takes over before clients can know it; a successor
 * that another plan had announced is waited for, since it is not announced twice.
 */
export async function announceNewKeys(
  { operator, publishedKeys }: Pick<Latchkey, 'operator' | 'publishedKeys'>,
  pollMilliseconds = 2000,
): Promise<void> {
  const known = await publishedKeys();
  for (;;) {
    await run(operator, ['keys', 'rotate']);
    if ((await publishedKeys()).some((kid) => !known.includes(kid))) return;
    await sleep(pollMilliseconds);
  }
}
