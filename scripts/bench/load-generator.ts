/**
 * The load generator's own process, so that its processor time is not counted as a server's. It takes `prepare`,
 * answers `prepared`, takes `go`, keeps every lane busy for that long, lets each finish what it began, and answers
 * `done`. Whatever goes wrong is answered with `failed`: half a result is none.
 */
import { HttpConnection } from './http-connection.ts';
import { type OperationName, operations } from './operations.ts';
import type { Target } from './target.ts';

export type Command =
  | { type: 'prepare'; operation: OperationName; target: Target; connections: number }
  | { type: 'go'; seconds: number };

export interface LoadResult {
  operations: number;
  requests: number;
  /** From the first request to the last answer. */
  seconds: number;
  /** Milliseconds of each operation. */
  latencies: Float64Array;
}

export type Answer =
  | { type: 'prepared' }
  | { type: 'done'; result: LoadResult }
  | { type: 'failed'; message: string };

interface PreparedLane {
  connection: HttpConnection;
  run: () => Promise<void>;
}

let lanes: PreparedLane[] = [];

async function prepare(command: Command & { type: 'prepare' }): Promise<void> {
  const { target } = command;
  lanes = await Promise.all(
    Array.from({ length: command.connections }, async (_, index) => {
      const connection = new HttpConnection({ port: target.port, hostHeader: new URL(target.issuer).host });
      const run = await operations[command.operation]({ connection, target, index });
      return { connection, run };
    }),
  );
}

async function go(seconds: number): Promise<LoadResult> {
  const latencies: number[] = [];
  const requestsBefore = lanes.reduce((sum, { connection }) => sum + connection.requests, 0);
  const start = performance.now();
  const deadline = start + seconds * 1000;
  await Promise.all(
    lanes.map(async ({ run }) => {
      let now = performance.now();
      while (now < deadline) {
        await run();
        const after = performance.now();
        latencies.push(after - now);
        now = after;
      }
    }),
  );
  const elapsed = (performance.now() - start) / 1000;
  const requests = lanes.reduce((sum, { connection }) => sum + connection.requests, 0) - requestsBefore;
  for (const { connection } of lanes) {
    connection.close();
  }
  lanes = [];
  return {
    operations: latencies.length,
    requests,
    seconds: elapsed,
    latencies: Float64Array.from(latencies),
  };
}

async function handle(command: Command): Promise<Answer> {
  if (command.type === 'prepare') {
    await prepare(command);
    return { type: 'prepared' };
  }
  return { type: 'done', result: await go(command.seconds) };
}

async function answer(command: Command): Promise<void> {
  let reply: Answer;
  try {
    reply = await handle(command);
  } catch (error) {
    reply = { type: 'failed', message: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(reply);
}

process.on('message', (command: Command) => void answer(command));
process.on('disconnect', () => process.exit(0));
