import { parentPort, workerData } from 'node:worker_threads';
import { type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';
import { openSigningKeys } from '../../lib/keys/signing-keys.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { maximumTokenLifetime, settings } from './key-bench.ts';

/** A process of its own on the directory, told over its port what to do at what time. */
export type KeyOrder = { order: 'open' | 'advance' | 'rotate' | 'retire-active' | 'close'; now: number };

if (parentPort === null) throw new Error('to be run as a worker');
const port = parentPort;
let now = 0;
const database = await openDatabase(workerData.options as DatabaseOptions);
const open = () =>
  openSigningKeys({
    database,
    configuration: settings,
    maximumTokenLifetime,
    events: createEvents(),
    log: createLog('silent'),
    clock: () => now,
  });
let keys: Awaited<ReturnType<typeof open>> | undefined;

async function obey({ order }: KeyOrder): Promise<unknown> {
  keys ??= await open();
  const active = keys.snapshot().keys.find(({ state }) => state === 'active');
  if (order === 'advance') await keys.advance();
  if (order === 'rotate') return keys.rotate({});
  if (order === 'retire-active') return keys.retire(active?.kid as string);
  if (order === 'close') await database.close();
  return keys.snapshot().keys.map(({ kid, state }) => ({ kid, state }));
}

port.on('message', (message: KeyOrder) => {
  now = message.now;
  obey(message).then(
    (answer) => {
      port.postMessage({ answer });
      if (message.order === 'close') port.close();
    },
    (error: unknown) => port.postMessage({ error: String(error) }),
  );
});
port.postMessage({ answer: 'ready' });
