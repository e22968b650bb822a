/**
 * Loaded into a server before everything else (`NODE_OPTIONS=--import=…`): at SIGUSR2 it does what TEST_MISBEHAVIOUR names.
 * A way to have bugs that the product does not have.
 */
import { writeSync } from 'node:fs';

export type Misbehaviour = 'none' | 'spin' | 'throw' | 'reject';

const misbehaviours: Partial<Record<Misbehaviour, () => void>> = {
  spin: () => {
    writeSync(2, 'the event loop is blocked\n');
    for (;;);
  },
  throw: () => {
    setImmediate(() => {
      throw new Error('a bug, thrown at https://idp.example/auth?code=SECRET');
    });
  },
  reject: () => {
    void Promise.reject(new Error('a bug, rejected'));
  },
};

const misbehave = misbehaviours[(process.env.TEST_MISBEHAVIOUR ?? 'none') as Misbehaviour];
if (misbehave !== undefined) process.on('SIGUSR2', misbehave);
