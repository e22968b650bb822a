/**
 * Loaded into a server before everything else (`NODE_OPTIONS=--import=…`): counts the calls of its embedded store of sessions and tokens, and lets one of
 * them fail when it is told to, on the socket that TEST_CALLS_SOCKET names (failing-storage.ts is the other end).
 */
import { createServer } from 'node:net';
import { setTimeout as later } from 'node:timers/promises';
import { SqliteStorage } from '../../lib/grants/sqlite/sqlite-storage.ts';
import { StorageUnavailable } from '../../lib/grants/storage.ts';

/** When a call fails: before its effect, after it, or overdue, with its effect after whoever asked was told. */
export type FailurePoint = 'before' | 'after' | 'overdue';

const CALLS = [
  'readRecord',
  'readRecordByUserCode',
  'readGrant',
  'readLatestGrant',
  'readSession',
  'readAccountEnding',
  'apply',
  'endAccount',
  'endGrants',
] as const;

/** How long (ms) a call takes that runs into its time-out, and how much later it has its effect after all. */
const OVERDUE_MILLISECONDS = 40;

let calls = 0;
let failing: { call: number; point: FailurePoint } | undefined;

type Call = (...parameters: unknown[]) => unknown;

function failingOrNot(name: string, call: Call): Call {
  return function observed(this: unknown, ...parameters: unknown[]): unknown {
    calls += 1;
    if (failing?.call !== calls) return call.apply(this, parameters);
    const { point } = failing;
    failing = undefined;
    const failure = new StorageUnavailable(`a test lets ${name} fail (${point})`);
    if (point === 'before') throw failure;
    if (point === 'after') return afterIts(() => call.apply(this, parameters), failure);
    void later(2 * OVERDUE_MILLISECONDS).then(() => call.apply(this, parameters));
    return later(OVERDUE_MILLISECONDS).then(() => {
      throw failure;
    });
  };
}

async function afterIts(effect: () => unknown, failure: Error): Promise<never> {
  await effect();
  throw failure;
}

const storage = SqliteStorage.prototype as unknown as Record<(typeof CALLS)[number], Call>;
for (const name of CALLS) storage[name] = failingOrNot(name, storage[name]);

// Commands are started with the same environment.
if (process.argv.includes('serve')) {
  createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (line) => {
      const told = JSON.parse(String(line)) as { call: number; point: FailurePoint };
      socket.write(`${JSON.stringify({ calls, hasFailed: failing === undefined })}\n`);
      calls = 0;
      failing = told.call === 0 ? undefined : told;
    });
  })
    .listen(process.env.TEST_CALLS_SOCKET)
    .unref();
}
